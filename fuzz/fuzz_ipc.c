/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between processes: whatever bytes come, decoding reads inside them, and what was decoded
 * encodes to the same bytes again (both directions of the codec).
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ipc/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t again[IPC_MESSAGE_MAX];
	struct ipc_message msg;
	size_t len;

	if (ipc_decode(data, size, &msg) != 0)
		return 0;
	assert(msg.type > IPC_NONE && msg.type < IPC_TYPE_END);
	assert(ipc_type_name(msg.type)[0] != '?');
	if (ipc_encode(&msg, again, sizeof(again), &len) != 0)
		abort();
	assert(len == size && memcmp(again, data, size) == 0);
	return 0;
}
