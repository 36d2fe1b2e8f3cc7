"""Trunks that read sound and picture after they are joined."""

from collections import OrderedDict

from torch import nn

from models.blocks.fast import TemporalConvolution
from models.blocks.normalization import Normalization, normalization
from models.blocks.residual import PooledShortcut, Residual


def paper_trunk(*, padded: bool) -> nn.Sequential:
    """(batch, 192, 24, 20, 20) joined features -> (batch, 128, 6, 5, 5), or 12x10x10 padded.

    Args:
        padded: If not, the published table. If so, the same weights with zeros around, a stride
            of 2 at conv6 in place of the losses at the borders, and shortcuts on the same cells.
    """
    stride = 2 if padded else 1

    def conv(in_channels: int, out_channels: int, kernel: tuple[int, int, int]) -> nn.Conv3d:
        frames, rows, columns = kernel
        padding = (frames // 2, rows // 2, columns // 2) if padded else 0
        halve = stride if kernel == (5, 3, 3) else 1
        return nn.Conv3d(in_channels, out_channels, kernel, stride=halve, padding=padding)

    cube = (3, 3, 3)
    first: OrderedDict[str, nn.Module] = OrderedDict(
        conv2=conv(128, 128, cube),
        elu2=nn.ELU(),
        conv3=conv(128, 128, cube),
        elu3=nn.ELU(),
        conv4=conv(128, 256, cube),
        elu4=nn.ELU(),
        conv5=conv(256, 512, cube),
        elu5=nn.ELU(),
        conv6=conv(512, 128, (5, 3, 3)),
        norm6=nn.BatchNorm3d(128),
        elu6=nn.ELU(),
        norm6_joined=nn.BatchNorm3d(128),
    )
    second: OrderedDict[str, nn.Module] = OrderedDict(
        conv7=conv(128, 256, cube),
        elu7=nn.ELU(),
        conv8=conv(256, 512, cube),
        elu8=nn.ELU(),
    )
    if padded:
        # An even kernel: one row and column of zeros at the far sides, so its cells lie half a
        # step further on. That centers the ten cells on the picture.
        second["pad9"] = nn.ZeroPad3d((0, 1, 0, 1, 1, 1))
    second["conv9"] = nn.Conv3d(512, 128, (3, 2, 2))
    second["norm9"] = nn.BatchNorm3d(128)
    second["elu9"] = nn.ELU()
    pools = _centered_pools() if padded else (nn.AvgPool3d(2), nn.AvgPool3d(2))
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv3d(192, 128, 1),
            elu1=nn.ELU(),
            block1=_residual(first, pool=pools[0]),
            block2=_residual(second, pool=pools[1]),
        )
    )


def compact_trunk(*, channels: int, norm: Normalization) -> nn.Sequential:
    """(batch, channels, t, h, w) joined features -> (batch, channels, t / 2, h, w).

    Frames keep their rate until the first convolution over time has compared neighbors.
    """
    return nn.Sequential(
        OrderedDict(
            norm1=normalization(norm, channels, dims=3),
            relu1=nn.ReLU(inplace=True),
            conv2=TemporalConvolution(channels, channels, 4, stride=2, padding=1),
            norm2=normalization(norm, channels, dims=3),
            relu2=nn.ReLU(inplace=True),
            conv3=nn.Conv3d(channels, channels, (1, 3, 3), padding=(0, 1, 1)),
            norm3=normalization(norm, channels, dims=3),
            relu3=nn.ReLU(inplace=True),
        )
    )


def _residual(body: OrderedDict[str, nn.Module], *, pool: nn.Module) -> Residual:
    shortcut = PooledShortcut(pool, in_channels=128, out_channels=128)
    return Residual(nn.Sequential(body), shortcut=shortcut)


def _centered_pools() -> tuple[nn.Module, nn.Module]:
    halve = nn.AvgPool3d(3, stride=2, padding=1, count_include_pad=False)
    shift = nn.Sequential(nn.ReplicationPad3d((0, 1, 0, 1, 0, 0)), nn.AvgPool3d((1, 2, 2), stride=1))
    return halve, shift
