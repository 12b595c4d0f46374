"""Files of other tools: reviews of Argilla, Label Studio and cleanlab, answers of attribution tools."""
