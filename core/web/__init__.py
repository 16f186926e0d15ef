"""Plain HTTP beside the pages: pictures, downloads, webhooks."""
