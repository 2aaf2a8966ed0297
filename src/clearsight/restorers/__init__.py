"""Image → image: every restorer, learned or classical, behind one contract; see ``clearsight models``."""

from clearsight.restorers.autoencoder import DeepAutoencoder, DenoisingAutoencoder, PointAutoencoder
from clearsight.restorers.classical import BM3D, Bicubic, NonLocalMeans, TotalVariation, Wavelet, Wiener
from clearsight.restorers.cnn_lstm import CNNLSTM, ConvAutoencoder
from clearsight.restorers.completion import CompletionNet
from clearsight.restorers.dncnn import DnCNN
from clearsight.restorers.edsr import EDSR, MDSR
from clearsight.restorers.ffdnet import FFDNet
from clearsight.restorers.kspace import KSpaceUNet
from clearsight.restorers.mcwnnm import MCWNNM
from clearsight.restorers.mnist_upscaler import MNISTUpscaler
from clearsight.restorers.multiscale import MultiscaleDenoiser
from clearsight.restorers.noise_level import estimate_sigma
from clearsight.restorers.padding import reflected, restored
from clearsight.restorers.plain_upscaler import PlainUpscaler
from clearsight.restorers.recurrence import RowDecoder
from clearsight.restorers.render import RelativeRenderUNet, RenderUNet, tone_mapped
from clearsight.restorers.residual_unet import ResidualUNet
from clearsight.restorers.sampler import FlowSampler
from clearsight.restorers.self_ensemble import SelfEnsemble
from clearsight.restorers.stabilized import PhotonNoise, Stabilized, find_photon_noise
from clearsight.restorers.stacked import DenoisingLayer, StackedAutoencoder, train_layer
from clearsight.restorers.strength import Strength, adjusted
from clearsight.restorers.tnrd import TNRD
from clearsight.restorers.unet import Noise2NoiseUNet

__all__ = [
    "BM3D",
    "CNNLSTM",
    "EDSR",
    "MCWNNM",
    "MDSR",
    "TNRD",
    "Bicubic",
    "CompletionNet",
    "ConvAutoencoder",
    "DeepAutoencoder",
    "DenoisingAutoencoder",
    "DenoisingLayer",
    "DnCNN",
    "FFDNet",
    "FlowSampler",
    "KSpaceUNet",
    "MNISTUpscaler",
    "MultiscaleDenoiser",
    "Noise2NoiseUNet",
    "NonLocalMeans",
    "PhotonNoise",
    "PlainUpscaler",
    "PointAutoencoder",
    "RelativeRenderUNet",
    "RenderUNet",
    "ResidualUNet",
    "RowDecoder",
    "SelfEnsemble",
    "Stabilized",
    "StackedAutoencoder",
    "Strength",
    "TotalVariation",
    "Wavelet",
    "Wiener",
    "adjusted",
    "estimate_sigma",
    "find_photon_noise",
    "reflected",
    "restored",
    "tone_mapped",
    "train_layer",
]
