"""Every recogniser by name. Third parties: entry-point group `kaname.recogniser`."""

from typing import Final

from kaname.kernel.registry import Registry
from kaname.privacy.model import Recogniser
from kaname.privacy.recognisers.api_secret import API_SECRET
from kaname.privacy.recognisers.credit_card import CREDIT_CARD
from kaname.privacy.recognisers.email import EMAIL
from kaname.privacy.recognisers.iban import IBAN
from kaname.privacy.recognisers.ip_address import IP_ADDRESS
from kaname.privacy.recognisers.jp_address import JP_ADDRESS
from kaname.privacy.recognisers.jp_my_number import JP_MY_NUMBER
from kaname.privacy.recognisers.jp_postal_code import JP_POSTAL_CODE
from kaname.privacy.recognisers.passport import PASSPORT
from kaname.privacy.recognisers.person import PERSON
from kaname.privacy.recognisers.phone import PHONE
from kaname.privacy.recognisers.url_credentials import URL_CREDENTIALS
from kaname.privacy.recognisers.us_ssn import US_SSN

RECOGNISERS: Final[Registry[Recogniser]] = Registry("recogniser")
for _recogniser in (
    EMAIL, PHONE, CREDIT_CARD, IBAN, JP_MY_NUMBER, JP_POSTAL_CODE, JP_ADDRESS, US_SSN, PASSPORT, IP_ADDRESS,
    URL_CREDENTIALS, API_SECRET, PERSON,
):  # fmt: skip
    RECOGNISERS.register(_recogniser.kinds[0].lower(), _recogniser)
