"""Study of offsets: how well they are told of drawn scenes and of film whose sound was moved by known amounts."""
