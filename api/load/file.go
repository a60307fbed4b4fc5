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

// readFiles reads the files of a plan, if there are any.
func readFiles(plan Plan) (r recordings, err error) {
	var sound, picture time.Duration
	if plan.AudioFile != "" {
		if r.audio, sound, err = readFile(plan.AudioFile, readOgg); err != nil {
			return r, err
		}
	}
	if plan.VideoFile != "" {
		if r.video, picture, err = readFile(plan.VideoFile, readIVF); err != nil {
			return r, err
		}
	}
	r.length = max(sound, picture)
	return r, nil
}

// readFile returns the frames of a file and how long it lasts.
func readFile(path string, read func(io.Reader) ([]frame, error)) ([]frame, time.Duration, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(content) > maxFile {
		err = fmt.Errorf("larger than %d bytes", maxFile)
	}
	var frames []frame
	if err == nil {
		frames, err = read(bytes.NewReader(content))
	}
	if err == nil {
		err = playable(frames)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read %s: %w", path, err)
	}
	last := frames[len(frames)-1]
	return frames, last.time + last.duration, nil
}

// playable says what stands against sending frames.
func playable(frames []frame) error {
	if len(frames) == 0 {
		return errors.New("there is no media in it")
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
