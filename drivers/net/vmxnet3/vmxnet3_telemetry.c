/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Telemetry of the ports of this driver: /pvn/net_pvn_vmxnet3/... Counters of a port are ethdev's.
 * It only shows, and asks the device nothing.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include <rte_telemetry.h>

#include "vmxnet3_pmd.h"

static bool
is_ours(uint16_t port)
{
	return rte_eth_dev_is_valid_port(port) && vmxnet3_is_ours(&rte_eth_devices[port]);
}

static int
list(const char *cmd, const char *params, struct rte_tel_data *d)
{
	uint16_t port;

	(void)cmd, (void)params;
	rte_tel_data_start_array(d, RTE_TEL_INT_VAL);
	RTE_ETH_FOREACH_DEV (port)
		if (is_ours(port))
			rte_tel_data_add_array_int(d, port);
	return 0;
}

static void
add_rxq(struct rte_tel_data *d, const struct vmxnet3_rx_queue *rxq)
{
	rte_tel_data_add_dict_int(d, "descriptors", rxq->ring_size);
	rte_tel_data_add_dict_int(d, "ring1_posted", rxq->rings[0].posted);
	rte_tel_data_add_dict_int(d, "ring2_descriptors", rxq->rings[1].size);
	rte_tel_data_add_dict_int(d, "ring2_posted", rxq->rings[1].posted);
	rte_tel_data_add_dict_int(d, "buffer_bytes", rxq->buf_len);
	rte_tel_data_add_dict_int(d, "data_slot_bytes", rxq->data_slot);
	rte_tel_data_add_dict_int(d, "starving", rxq->rings[0].starving || rxq->rings[1].starving);
}

static void
add_txq(struct rte_tel_data *d, const struct vmxnet3_tx_queue *txq)
{
	rte_tel_data_add_dict_int(d, "descriptors", txq->size);
	rte_tel_data_add_dict_int(d, "in_flight", txq->in_flight);
	rte_tel_data_add_dict_int(d, "data_slot_bytes", txq->data_slot);
	rte_tel_data_add_dict_int(d, "without_doorbell", (int)txq->deferred);
}

static void
add_port(struct rte_tel_data *d, const struct rte_eth_dev *dev)
{
	const struct vmxnet3_hw *hw = vmxnet3_hw(dev);

	rte_tel_data_add_dict_string(d, "device", dev->data->name);
	rte_tel_data_add_dict_int(d, "version", hw->caps.version);
	rte_tel_data_add_dict_int(d, "active", hw->active);
	rte_tel_data_add_dict_int(d, "rx_queues", dev->data->nb_rx_queues);
	rte_tel_data_add_dict_int(d, "tx_queues", dev->data->nb_tx_queues);
	rte_tel_data_add_dict_int(d, "max_rx_queues", hw->caps.max_rx_queues);
	rte_tel_data_add_dict_int(d, "max_tx_queues", hw->caps.max_tx_queues);
	rte_tel_data_add_dict_int(d, "mtu", dev->data->mtu);
	rte_tel_data_add_dict_int(d, "rx_mode", (int)hw->rx_mode);
	rte_tel_data_add_dict_int(d, "queue_failed", hw->failed);
	rte_tel_data_add_dict_int(d, "event_interrupt", hw->intr.events);
	rte_tel_data_add_dict_int(d, "rx_interrupts", hw->intr.rx);
	rte_tel_data_add_dict_int(d, "rss", vmxnet3_adapter(dev)->rss.on);
}

/* All of `text` as a number below the limit; -1 otherwise. */
static long
number(const char *text, char **end, long limit)
{
	long value;

	if (text == NULL || !isdigit((unsigned char)text[0]))
		return -1;
	value = strtol(text, end, 10);
	return value < limit ? value : -1;
}

static int
port(const char *cmd, const char *params, struct rte_tel_data *d)
{
	char *end = NULL;
	long id = number(params, &end, RTE_MAX_ETHPORTS);

	(void)cmd;
	if (id < 0 || *end != '\0')
		return -EINVAL;
	if (!is_ours((uint16_t)id))
		return -ENODEV;
	rte_tel_data_start_dict(d);
	add_port(d, &rte_eth_devices[id]);
	return 0;
}

/* "PORT,QUEUE": one of a port's rx queues, or of its tx queues. */
static int
find_queue(const char *params, bool rx, const void **queue)
{
	const struct rte_eth_dev_data *data;
	char *end = NULL;
	long q, id = number(params, &end, RTE_MAX_ETHPORTS);

	if (id < 0 || *end != ',')
		return -EINVAL;
	q = number(end + 1, &end, UINT16_MAX);
	if (q < 0 || *end != '\0')
		return -EINVAL;
	if (!is_ours((uint16_t)id))
		return -ENODEV;
	data = rte_eth_devices[id].data;
	if (q >= (rx ? data->nb_rx_queues : data->nb_tx_queues))
		return -ENOENT;
	*queue = (rx ? data->rx_queues : data->tx_queues)[q];
	return *queue == NULL ? -ENOENT : 0;
}

static int
rx_queue(const char *cmd __rte_unused, const char *params, struct rte_tel_data *d)
{
	const void *queue;
	int ret = find_queue(params, true, &queue);

	if (ret < 0)
		return ret;
	rte_tel_data_start_dict(d);
	add_rxq(d, queue);
	return 0;
}

static int
tx_queue(const char *cmd __rte_unused, const char *params, struct rte_tel_data *d)
{
	const void *queue;
	int ret = find_queue(params, false, &queue);

	if (ret < 0)
		return ret;
	rte_tel_data_start_dict(d);
	add_txq(d, queue);
	return 0;
}

RTE_INIT(vmxnet3_telemetry)
{
	rte_telemetry_register_cmd("/pvn/net_pvn_vmxnet3/list", list, "Ports of this driver");
	rte_telemetry_register_cmd("/pvn/net_pvn_vmxnet3/port", port,
				   "A port's device. Parameter: port");
	rte_telemetry_register_cmd("/pvn/net_pvn_vmxnet3/rx_queue", rx_queue,
				   "An rx queue's rings. Parameters: port,queue");
	rte_telemetry_register_cmd("/pvn/net_pvn_vmxnet3/tx_queue", tx_queue,
				   "A tx queue's rings. Parameters: port,queue");
}
