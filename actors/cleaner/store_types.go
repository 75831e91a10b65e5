package cleaner

import "troupe/storage"

// dirt is what the core knows of the store: values, and nothing that could touch a disk.
type dirt = storage.Dirt
