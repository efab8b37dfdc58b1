package zmq

import (
	"errors"
	"fmt"

	"github.com/pebbe/zmq4"

	"muster/transport"
)

// NewCurveKeys makes a key pair for transport.Options, in Z85.
func NewCurveKeys() (public, secret string, err error) {
	if !zmq4.HasCurve() {
		return "", "", errors.New("zmq: this libzmq was built without CURVE (libsodium): install one that has it, or do without")
	}
	if public, secret, err = zmq4.NewCurveKeypair(); err != nil {
		return "", "", fmt.Errorf("zmq: make CURVE keys: %w", err)
	}
	return public, secret, nil
}

// curve makes a socket's connections encrypted, if the options say so.
func curve(z *zmq4.Socket, opt transport.Options) error {
	for _, key := range [...]string{opt.CurveSecret, opt.CurveServer} {
		if key != "" && len(key) != 40 {
			return fmt.Errorf("CURVE key of %d characters: want the 40 of Z85", len(key))
		}
	}
	switch {
	case opt.CurveSecret != "":
		return errors.Join(z.SetCurveServer(1), z.SetCurveSecretkey(opt.CurveSecret))
	case opt.CurveServer != "":
		public, secret, err := NewCurveKeys()
		if err != nil {
			return err
		}
		return errors.Join(z.SetCurveServerkey(opt.CurveServer), z.SetCurvePublickey(public), z.SetCurveSecretkey(secret))
	}
	return nil
}
