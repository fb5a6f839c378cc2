"""What single training examples do to a model: datamodels, and TRAK."""

from .attribution import Attribution, Kind, Quality, check_attribution, prepare
from .subsets import SubsetModels

__all__ = ["Attribution", "Kind", "Quality", "SubsetModels", "check_attribution", "prepare"]
