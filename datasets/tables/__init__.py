"""Small tables beside the clips: recordings, licences."""
