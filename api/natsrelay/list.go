package natsrelay

import "parley/api/media"

// Members returns everybody who is present anywhere in the cluster, in no order, as far as
// this node knows: what happened elsewhere in the last moments, or while NATS is out of reach,
// may be missing. It does not block.
func (r *Relay) Members() []media.Member {
	r.mu.Lock()
	defer r.mu.Unlock()
	members := make([]media.Member, 0, len(r.mirror.own))
	for _, o := range r.mirror.own {
		if !o.unwanted {
			members = append(members, o.member)
		}
	}
	for _, entries := range r.mirror.rooms {
		for _, e := range entries {
			members = append(members, e.member)
		}
	}
	return members
}
