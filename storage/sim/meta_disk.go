package sim

import "troupe/storage"

// OpenMeta opens the metadata store of a directory on the disk, and makes it if there is none. o.FS is set by it.
func (d *Disk) OpenMeta(dir string, o storage.MetaOptions) (storage.Meta, error) {
	o.FS = d.fs()
	return storage.OpenMeta(dir, o)
}
