/* SPDX-License-Identifier: Apache-2.0 */
/* What `control` sends to the others of a transaction. */
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "tpsd/report/slots.h"
#include "tpsd/report/transaction_priv.h"

int transaction_offer(struct transaction *t, unsigned slot, uint32_t revision, int fd, size_t size)
{
	struct ipc_channel *ch = slot_channel(t->control->proc, slot);
	struct ipc_message msg = {.type = IPC_PREPARE};

	msg.prepare.revision = revision;
	msg.prepare.size = size;
	return ch ? ipc_send_fds(ch, &msg, &fd, 1) : SL_ECLOSED;
}

void transaction_send_end(struct transaction *t, unsigned slot, enum ipc_type type,
                          uint32_t revision)
{
	struct ipc_channel *ch = slot_channel(t->control->proc, slot);
	struct ipc_message msg = {.type = type};
	char name[SLOT_NAME_MAX];

	if (!slot_takes_part(slot))
		return;
	if (type == IPC_COMMIT)
		msg.commit.revision = revision;
	else
		msg.abort.revision = revision;
	if (ch && ipc_send(ch, &msg) != 0)
		log_error("configuration: %s could not be told of the end of revision %u",
		          slot_name(slot, name), revision);
}

void transaction_offer_alone(struct transaction *t, unsigned slot)
{
	char name[SLOT_NAME_MAX];

	if (t->in_force == 0 || !slot_takes_part(slot))
		return;
	t->offered_alone[slot] = t->in_force;
	if (transaction_offer(t, slot, t->in_force, t->fd, t->size) != 0)
		log_error("configuration: revision %u could not be sent to %s", t->in_force,
		          slot_name(slot, name));
}
