"""The networks and their objectives, in plain torch. Imports torch, torchaudio, timm and numpy only."""
