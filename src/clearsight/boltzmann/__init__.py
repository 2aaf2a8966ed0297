"""Boltzmann machines trained by contrastive divergence: one layer, a stack, several pathways, and an occluded image."""

from clearsight.boltzmann.dbn import DBN
from clearsight.boltzmann.divergence import (
    Gradient,
    contrastive_divergence,
    persistent_divergence,
    published_momentum,
    train_rbm,
)
from clearsight.boltzmann.joint_rbm import JointRBM
from clearsight.boltzmann.rbm import RBM, HiddenKind, VisibleKind
from clearsight.boltzmann.robm import RoBM
from clearsight.boltzmann.stack import Layer, build_decoder, build_encoder, train_greedily

__all__ = [
    "DBN",
    "RBM",
    "Gradient",
    "HiddenKind",
    "JointRBM",
    "Layer",
    "RoBM",
    "VisibleKind",
    "build_decoder",
    "build_encoder",
    "contrastive_divergence",
    "persistent_divergence",
    "published_momentum",
    "train_greedily",
    "train_rbm",
]
