/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One end of a connection between two processes: a SOCK_SEQPACKET pair, messages of message.def,
 * descriptors passed along. Sending never blocks: what the socket does not take is queued up to a
 * bound, past which ipc_send says SL_ELIMIT and the caller decides. Process's one thread.
 */
#pragma once

#include "lib/base/loop.h"
#include "lib/ipc/message.h"

struct ipc_channel;

/*
 * A message arrived, checked against the table. Its bytes and the descriptors are valid during the
 * call; a descriptor that `fn` wants to keep is taken by setting its place to -1, the others are
 * closed afterwards. msg == NULL: the peer is gone or broke the protocol, and the channel is
 * already out of the loop; destroy it here or later.
 */
typedef void ipc_channel_fn(struct ipc_channel *ch, const struct ipc_message *msg,
                            int fds[IPC_FDS_MAX], void *arg);

enum {
	IPC_QUEUE_MAX = 4 * 1024 * 1024, /* bytes queued before ipc_send refuses: a peer this far
	                                    behind hangs, and its heartbeat tells the parent */
	IPC_SOCKET_BUFFER = 1024 * 1024,
};

/* Two connected descriptors for two channels, non-blocking and close-on-exec. SL_ESYS. */
int ipc_pair(int ret_fds[2]) SL_NONNULL(1) SL_MUST;

/*
 * Takes `fd` (closed by destroy). `self` and `peer` are what the table is checked with, `index`
 * tells several workers apart. NULL: no memory.
 */
struct ipc_channel *ipc_channel_create(struct loop *loop, int fd, enum ipc_role self,
                                       enum ipc_role peer, unsigned index, ipc_channel_fn *fn,
                                       void *arg) SL_NONNULL(1, 6) SL_MUST;
void ipc_channel_destroy(struct ipc_channel *ch);

enum ipc_role ipc_channel_peer(const struct ipc_channel *ch) SL_NONNULL(1);
unsigned ipc_channel_index(const struct ipc_channel *ch) SL_NONNULL(1);

/*
 * Sends `msg` with `nfds` descriptors (kept by the caller, who may close them on return).
 * SL_EPERM when the table does not allow it, SL_ELIMIT when the queue is full, SL_ECLOSED.
 */
int ipc_send_fds(struct ipc_channel *ch, const struct ipc_message *msg, const int *fds,
                 unsigned nfds) SL_NONNULL(1, 2) SL_MUST;
int ipc_send(struct ipc_channel *ch, const struct ipc_message *msg) SL_NONNULL(1, 2) SL_MUST;

/* Bytes of memory that the peer has not read yet, in the queue and in the socket. */
size_t ipc_channel_unread(const struct ipc_channel *ch) SL_NONNULL(1);
