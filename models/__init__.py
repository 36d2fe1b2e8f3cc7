"""The networks and their objectives, in plain torch. Imports torch, torchaudio and numpy only."""
