"""Settings of section `blobs`."""

from dataclasses import dataclass

from kaname.kernel.settings import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobsSettings:
    url: str = setting(
        "", "Where blobs are kept: empty for a folder in the data directory, file:///folder, or s3://bucket/prefix."
    )
    s3_endpoint: str = setting("", "Endpoint of an S3-compatible store; empty for Amazon's.")
    s3_region: str = setting("us-east-1", "Region of the bucket.")
    s3_access_key_id: str = setting("", "Access key; empty for the environment's or the machine's own identity.")
    s3_secret_access_key: str = setting("", "Secret of the access key.", secret=True)
    s3_attempts: int = setting(5, "How often a failed request to the store is sent.")
