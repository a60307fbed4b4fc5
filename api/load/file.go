package load

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// recordings are what a publisher sends from files.
type recordings struct {
	audio, video []frame
	length       time.Duration // of the longer one: both begin again together
}

// maxFile is the largest file that is read, in bytes: it is held in memory.
const maxFile = 512 << 20

// readFiles reads the files of a plan, if there are any. A video in WebM brings its sound with it,
// unless there is a file for that.
func readFiles(plan Plan) (r recordings, err error) {
	if plan.VideoFile != "" {
		if r.audio, r.video, err = readFile(plan.VideoFile, readIVF); err != nil {
			return r, err
		}
		if len(r.video) == 0 {
			return r, fmt.Errorf("read %s: there is no VP8 or VP9 in it", plan.VideoFile)
		}
	}
	if plan.AudioFile != "" {
		if r.audio, _, err = readFile(plan.AudioFile, readOgg); err != nil {
			return r, err
		}
		if len(r.audio) == 0 {
			return r, fmt.Errorf("read %s: there is no Opus in it", plan.AudioFile)
		}
	}
	for _, frames := range [][]frame{r.audio, r.video} {
		if len(frames) > 0 {
			end := frames[len(frames)-1]
			r.length = max(r.length, end.time+end.duration)
		}
	}
	return r, nil
}

// readFile returns what can be sent of a file: WebM, or another format of one track. The track is
// where the other one is nil.
func readFile(path string, other func(io.Reader) ([]frame, error)) (audio, video []frame, err error) {
	content, err := contentOf(path)
	switch {
	case err != nil:
	case isWebM(content):
		audio, video, err = readWebM(content)
	default:
		var frames []frame
		if frames, err = other(bytes.NewReader(content)); err == nil && len(frames) == 0 {
			err = errors.New("there is no media in it")
		}
		if audio = frames; len(frames) > 0 && frames[0].codec != 0 {
			audio, video = nil, frames
		}
	}
	if err == nil {
		err = errors.Join(playable(audio), playable(video))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", path, err)
	}
	return audio, video, nil
}

// contentOf reads a file that is not too large.
func contentOf(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(content) > maxFile {
		err = fmt.Errorf("larger than %d bytes", maxFile)
	}
	return content, err
}

// playable says what stands against sending the frames of a track, if there are any.
func playable(frames []frame) error {
	if len(frames) == 0 {
		return nil
	}
	if !frames[0].key {
		return errors.New("it does not begin with a keyframe")
	}
	for i, f := range frames {
		switch {
		case len(f.data) > maxFrame:
			return fmt.Errorf("frame %d has %d bytes; a packet holds %d", i, len(f.data), maxFrame)
		case f.duration <= 0 || i > 0 && f.time <= frames[i-1].time:
			return fmt.Errorf("frame %d takes no time", i)
		}
	}
	return nil
}

// recording sends frames over and over.
type recording struct {
	frames []frame // at least one
	length time.Duration
	at     int
	begun  time.Duration // of this time through
}

func (r *recording) due() time.Duration { return r.begun + r.frames[r.at].time }

func (r *recording) take() frame {
	f := r.frames[r.at]
	f.time += r.begun
	if r.at++; r.at == len(r.frames) {
		r.at = 0
		r.begun += r.length
	}
	return f
}
