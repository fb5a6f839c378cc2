"""Data attribution: how single training examples affect a model, with datamodels and TRAK."""

from .attribution import Attribution, Kind, Quality, check_attribution, prepare
from .subsets import SubsetModels

__all__ = ["Attribution", "Kind", "Quality", "SubsetModels", "check_attribution", "prepare"]
