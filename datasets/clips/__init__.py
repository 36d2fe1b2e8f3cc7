"""What a clip is: its window in the source, its measures, its spectrogram."""
