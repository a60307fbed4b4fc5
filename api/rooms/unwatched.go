package rooms

import (
	"parley/api/fault"
	"parley/api/media"
)

// unwatched is told of everything and does nothing.
type unwatched struct{}

func (unwatched) Active(media.SessionID)                           {}
func (unwatched) Sends(media.SessionID, media.Kind)                {}
func (unwatched) Awaits(_, _ media.SessionID, _ media.Kind)        {}
func (unwatched) Reached(_, _ media.SessionID, _ media.Kind)       {}
func (unwatched) KeyframeAsked(media.SessionID, media.Kind)        {}
func (unwatched) KeyframeCame(media.SessionID, media.Kind, uint32) {}
func (unwatched) LayerChanged(media.LayerChange)                   {}
func (unwatched) Misbehaved(media.SessionID, fault.Code)           {}
func (unwatched) Admitted(media.RoomID, string)                    {}
func (unwatched) Departed(media.SessionID)                         {}
