#include <stdint.h>
#include <zmq.h>

// A muster_box holds the frames of the message received last, in memory of
// libzmq. Its fields are read from Go without a call.
typedef struct {
	int n, room; // frames held, and room for
	int fd;      // descriptor of the connection it came by, -1 if not asked for
	zmq_msg_t *parts;
	size_t *sizes;
	void **data;
} muster_box;

// muster_receive empties the box and fills it with the next message, without
// waiting. It returns the number of frames, or -1 and errno.
int muster_receive(void *socket, muster_box *box, int want_fd);

// muster_clear frees what the box holds.
void muster_clear(muster_box *box);

// muster_free frees the room as well.
void muster_free(muster_box *box);

// muster_send sends n frames that lie one behind the other in packed, without
// waiting; more says that the message goes on. It returns 0, or -1 and errno.
int muster_send(void *socket, char *packed, size_t *sizes, int n, int more);

// muster_give sends one frame that stays where it is until it has left: then
// musterGiven is called with the owner. It returns 0, or -1 and errno.
int muster_give(void *socket, char *data, size_t size, uintptr_t owner, int more);
