"""Sound encoders that read waveforms."""

from collections import OrderedDict

from torch import nn

from models.blocks.normalization import Normalization, normalization
from models.blocks.residual import PooledShortcut, Residual


def paper_waveform_encoder() -> nn.Sequential:
    """(batch, 1, 176400) samples -> (batch, 128, 24) features, as the published table has it.

    Its shortcuts keep the largest value, not the mean: the mean of 64 samples of a waveform is
    close to nothing, its maximum is the envelope. A cell is 6144 samples apart from the next and
    the first is centered at sample 15206, within 0.08 s of the picture's cells.
    """
    first: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=nn.Conv1d(1, 64, 65, stride=4),
        pool1=nn.MaxPool1d(4),
        elu1=nn.ELU(),
        norm1=nn.BatchNorm1d(64),
        conv2=nn.Conv1d(64, 128, 1, stride=4),
        elu2=nn.ELU(),
        norm2=nn.BatchNorm1d(128),
    )
    second: OrderedDict[str, nn.Module] = OrderedDict(
        conv3=nn.Conv1d(128, 128, 15, stride=4),
        elu3=nn.ELU(),
        conv4=nn.Conv1d(128, 128, 16, padding=9),
        elu4=nn.ELU(),
        norm4=nn.BatchNorm1d(128),
    )
    third: OrderedDict[str, nn.Module] = OrderedDict(
        conv5=nn.Conv1d(128, 128, 15, stride=4, padding=6),
        pool5=nn.MaxPool1d(6),
        elu5=nn.ELU(),
        conv6=nn.Conv1d(128, 128, 5),
        elu6=nn.ELU(),
        norm6=nn.BatchNorm1d(128),
    )
    return nn.Sequential(
        OrderedDict(
            block1=_residual(first, pool=64, in_channels=1),
            block2=_residual(second, pool=4, in_channels=128),
            block3=_residual(third, pool=28, in_channels=128),
        )
    )


def compact_waveform_encoder(*, channels: int, norm: Normalization) -> nn.Sequential:
    """(batch, 1, samples) -> (batch, channels, samples / 128 or so) features."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv1d(1, channels, 65, stride=16, padding=32),
            elu1=nn.ELU(),
            pool1=nn.MaxPool1d(4),
            norm1=normalization(norm, channels, dims=1),
            conv2=nn.Conv1d(channels, channels, 5, stride=2, padding=2),
            norm2=normalization(norm, channels, dims=1),
            elu2=nn.ELU(),
        )
    )


def _residual(body: OrderedDict[str, nn.Module], *, pool: int, in_channels: int) -> Residual:
    shortcut = PooledShortcut(nn.MaxPool1d(pool), in_channels=in_channels, out_channels=128)
    return Residual(nn.Sequential(body), shortcut=shortcut)
