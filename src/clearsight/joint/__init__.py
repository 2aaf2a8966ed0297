"""One network, two answers: the restored image and what is in it; and either half on its own."""

from clearsight.joint.cascade import Cascade
from clearsight.joint.joint_net import JointNet
from clearsight.joint.joint_reader import JointReader
from clearsight.joint.pretraining import build_autoencoder, pretrain, start_classifier
from clearsight.joint.selective import Gate, Mean, Selective
from clearsight.joint.three_pathway import ThreePathwayNet
from clearsight.joint.views import Recognizing, Restoring

__all__ = [
    "Cascade",
    "Gate",
    "JointNet",
    "JointReader",
    "Mean",
    "Recognizing",
    "Restoring",
    "Selective",
    "ThreePathwayNet",
    "build_autoencoder",
    "pretrain",
    "start_classifier",
]
