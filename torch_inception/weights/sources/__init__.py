"""Where weights come from by name: torchvision's, the Hugging Face hub, npm."""
