/* SPDX-License-Identifier: Apache-2.0 */
/* Processes by slot. */
#include "tpsd/report/slots.h"

#include <stdio.h>

static const struct {
	enum ipc_role role;
	const char *name;
} singles[PROC_SLOT_WORKER] = {
        [PROC_SLOT_PARENT] = {IPC_PARENT, "parent"}, [PROC_SLOT_WIRE] = {IPC_WIRE, "wire"},
        [PROC_SLOT_KEYS] = {IPC_KEYS, "keys"},       [PROC_SLOT_CONTROL] = {IPC_CONTROL, "control"},
        [PROC_SLOT_LINK] = {IPC_LINK, "link"},
};

unsigned slot_of(enum ipc_role role, unsigned index)
{
	for (unsigned slot = 0; slot < PROC_SLOT_WORKER; slot++)
		if (singles[slot].role == role)
			return slot;
	return PROC_SLOT_WORKER + SL_MIN(index, PROC_WORKERS_MAX - 1);
}

struct ipc_channel *slot_channel(struct proc *proc, unsigned slot)
{
	if (slot == PROC_SLOT_CONTROL)
		return NULL;
	if (slot < PROC_SLOT_WORKER)
		return proc_peer(proc, singles[slot].role, 0);
	return proc_peer(proc, IPC_WORKER, slot - PROC_SLOT_WORKER);
}

bool slot_takes_part(unsigned slot)
{
	return slot >= PROC_SLOT_WORKER || ipc_may(IPC_PREPARE, IPC_CONTROL, singles[slot].role);
}

const char *slot_name(unsigned slot, char text[SLOT_NAME_MAX])
{
	if (slot < PROC_SLOT_WORKER)
		(void)snprintf(text, SLOT_NAME_MAX, "%s", singles[slot].name);
	else
		(void)snprintf(text, SLOT_NAME_MAX, "worker %u", slot - PROC_SLOT_WORKER);
	return text;
}
