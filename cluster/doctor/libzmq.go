package doctor

import (
	"context"

	"muster/transport/zmq"
)

// libzmq: which it is, and whether it can encrypt where the profile wants that.
func libzmq(_ context.Context, x *examination) []Finding {
	version, curve := zmq.Version()
	switch {
	case curve:
		return []Finding{ok("%s, with CURVE", version)}
	case x.profile.Controller.Curve:
		return []Finding{failure("%s, without CURVE", version).because("the profile has connections encrypted (controller.curve)").remedy("install a libzmq that was built with libsodium, or leave controller.curve out: messages are signed in any case")}
	}
	return []Finding{ok("%s; without CURVE, which nobody asks for", version)}
}
