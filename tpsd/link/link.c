/* SPDX-License-Identifier: Apache-2.0 */
/* The process `link`: its parts are made here and given their messages. */
#include "tpsd/link/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "tpsd/link/link_priv.h"
#include "tpsd/link/store.h"
#include "tpsd/proc/sandbox.h"
#include "tpsd/proc/proc.h"

/* With privileges: the folder above ours is `control`'s. */
static int link_setup(struct proc *proc)
{
	static const struct proc_kind control = {.user = "sluice"};
	struct link *link = calloc(1, sizeof(*link));
	struct store_owner owner;
	uid_t control_uid;
	int rc;

	if (!link)
		return SL_ENOMEM;
	link->proc = proc;
	proc->state = link;
	sandbox_ids(proc->kind, &owner.uid, &owner.gid);
	sandbox_ids(&control, &control_uid, &owner.readers);
	rc = store_open(proc->state_dir, &owner, &link->store);
	if (rc != 0)
		log_critical("%s/sms cannot be opened: %s; it must be sluice-link's",
		             proc->state_dir, rc == SL_ESYS ? strerror(errno) : err_text(rc));
	return rc;
}

/* So that no document waits for what cannot come. */
static void refuse_keys(struct ipc_channel *keys, const struct ipc_bytes *ids)
{
	struct ipc_message msg = {.type = IPC_SEALED_KEY};

	for (uint32_t at = 0; at + REMOTE_ID_LEN <= ids->len; at += REMOTE_ID_LEN) {
		msg.sealed_key.status = SL_ENOENT;
		msg.sealed_key.id = (struct ipc_bytes){ids->data + at, REMOTE_ID_LEN};
		msg.sealed_key.device = ipc_text_of("");
		msg.sealed_key.text = ipc_text_of("the device is not enrolled");
		if (ipc_send(keys, &msg) != 0)
			log_error(
			        "keys was not told that a key does not come: its channel is full");
	}
}

static void link_message(struct proc *proc, struct ipc_channel *from, const struct ipc_message *msg,
                         int fds[IPC_FDS_MAX])
{
	if (msg->type == IPC_NEED_KEYS)
		refuse_keys(from, &msg->need_keys.ids);
}

static void link_stop(struct proc *proc)
{
	struct link *link = proc->state;

	if (!link)
		return;
	store_close(link->store);
	free(link);
	proc->state = NULL;
}

const struct proc_ops link_ops = {
        .setup = link_setup,
        .message = link_message,
        .stop = link_stop,
};
