# SPDX-License-Identifier: BSD-3-Clause
"""Faults that drivers of VMXNET3 have had, each planted into ours: for ./run break, as faults.py.

What each teaches, and which case of a test is about it: docs/design/vmxnet3-lessons.md.
"""

from faults import (VMXNET3_DEV, VMXNET3_DEV_SET, VMXNET3_INFO, VMXNET3_INTR, VMXNET3_LIFE, VMXNET3_QUEUE,
                    VMXNET3_RSS, VMXNET3_RX, VMXNET3_RX_H, VMXNET3_SETTINGS, VMXNET3_STATS, VMXNET3_TX,
                    VMXNET3_TX_H, Fault, tests)

PATHS = {
    "vmxnet3 rx bounds": tests("device", "test_bounds_rx"),
    "vmxnet3 tx bounds": tests("device", "test_bounds_tx"),
    "vmxnet3 torn": tests("device", "test_bounds_torn"),
    "vmxnet3 rx trouble": tests("device", "test_rx"),
    "vmxnet3 rx shortage": tests("device", "test_rx_faults"),
    "vmxnet3 tx trouble": tests("device", "test_tx"),
    "vmxnet3 offloads": tests("device", "test_offload"),
    "vmxnet3 gone": tests("device", "test_hostile"),
    "vmxnet3 layout": tests("unit", "test_vmxnet3_layout"),
}

ETHDEV = "drivers/net/vmxnet3/vmxnet3_ethdev.c"
MEMORY = "drivers/net/vmxnet3/vmxnet3_memory.c"
OFFLOAD = "drivers/net/vmxnet3/vmxnet3_offload.c"
PROTO = "proto/vmxnet3.h"
RX_AVX2 = "drivers/net/vmxnet3/vmxnet3_rx_avx2.c"
TX_PREPARE = "drivers/net/vmxnet3/vmxnet3_tx_prepare.c"
TX_REAP = "drivers/net/vmxnet3/vmxnet3_tx_reap.c"

FULL_RING = "\tif (needed > room(txq))\n\t\treturn false;\n"

FAULTS = {
    # What the device writes is believed: receive
    "rx-any-ring": Fault(
        "vmxnet3 rx bounds", VMXNET3_RX,
        "\tif (rqid != rxq->queue_id && rqid != (uint32_t)rxq->num_rx_queues + rxq->queue_id)\n"
        "\t\treturn NULL;\n", ""),
    "rx-any-index": Fault(
        "vmxnet3 rx bounds", VMXNET3_RX, "\tif (index >= ring->size)\n\t\treturn NULL;\n", ""),
    "rx-any-slot": Fault(
        "vmxnet3 rx bounds", VMXNET3_RX, "\tif (skipped >= ring->posted)\n\t\treturn NULL;\n", ""),
    "rx-any-length": Fault(
        "vmxnet3 rx bounds", VMXNET3_RX, "len == 0 || len > rxq->buf_len ||", "len == 0 ||"),
    "rx-any-length-plain": Fault(
        "vmxnet3 rx bounds", VMXNET3_RX_H,
        "(c->word2 & (VMXNET3_RXC2_ERR | VMXNET3_RXC2_LEN)) - RTE_ETHER_HDR_LEN <= longest",
        "(c->word2 & VMXNET3_RXC2_ERR) <= longest"),
    "rx-any-length-avx2": Fault(
        "vmxnet3 rx bounds", RX_AVX2, "_mm256_cmpgt_epi32(lens, longest)", "_mm256_setzero_si256()"),
    "rx-any-generation": Fault(
        "vmxnet3 rx bounds", VMXNET3_RX, "if ((c->word3 & VMXNET3_RXC3_GEN) != rxq->comp_gen)",
        "if (c->word3 == 0)"),
    "rx-end-without-beginning": Fault(
        "vmxnet3 rx bounds", VMXNET3_RX, " || sop != (rxq->head == NULL))", ")"),
    "rx-beginning-in-frame": Fault(
        "vmxnet3 rx bounds", VMXNET3_RX, "if (sop && rxq->head != NULL) {", "if (false) {"),
    "rx-endless-frame": Fault(
        "vmxnet3 rx bounds", VMXNET3_RX, "return sop || rxq->head->nb_segs < rxq->max_pieces;",
        "return true;"),
    "rx-frame-with-hole": Fault(
        "vmxnet3 rx bounds", VMXNET3_RX, "rxq->stats.bad_completion++;\n\t\tdrop_open_frame(rxq);",
        "rxq->stats.bad_completion++;"),
    "rx-dropped-again": Fault(
        "vmxnet3 rx bounds", VMXNET3_RX, "bool dropped = rxq->dropping && !sop;", "bool dropped = false;"),
    "rx-error-bit": Fault(
        "vmxnet3 rx bounds", VMXNET3_RX, "\tif ((c->word2 & VMXNET3_RXC2_ERR) != 0) {", "\tif (false) {"),
    "rx-short-frame": Fault(
        "vmxnet3 rx bounds", VMXNET3_RX, "if (rxq->head->pkt_len < RTE_ETHER_HDR_LEN) {", "if (false) {"),

    # What the device writes is believed: transmit, and all else
    "tx-any-index": Fault("vmxnet3 tx bounds", TX_REAP, "unlikely(index >= f->size) || ", ""),
    "tx-not-in-flight": Fault("vmxnet3 tx bounds", TX_REAP, " || unlikely(distance >= f->num)", ""),
    "tx-backwards": Fault("vmxnet3 tx bounds", TX_REAP, "\t    unlikely(distance < done) ||\n", ""),
    "tx-middle-of-packet": Fault(
        "vmxnet3 tx bounds", TX_REAP,
        "(pvn_le32_to_cpu(f->desc[index].word3) & VMXNET3_TXD3_EOP) == 0", "false"),
    "tx-any-order": Fault(
        "vmxnet3 tx bounds", TX_REAP, "((differs[0] & VMXNET3_TXC0_INDEX) | ", "("),
    "tx-any-generation": Fault(
        "vmxnet3 tx bounds", TX_REAP, "if ((word3 & VMXNET3_TXC3_GEN) != gen)", "if (false)"),
    "tx-bad-uncounted": Fault("vmxnet3 tx bounds", TX_REAP, "txq->stats.bad_completion += bad;", ""),
    "rx-length-twice": Fault(
        "vmxnet3 torn", VMXNET3_RX, "\t\tm->data_len = len;\n\t\tbytes += len;\n",
        "\t\tm->pkt_len = m->data_len = pvn_field_get(VMXNET3_RXC2_LEN,\n"
        "\t\t\tpvn_le32_to_cpu(__atomic_load_n(&c[i].word2, __ATOMIC_RELAXED)));\n"
        "\t\tbytes += len;\n"),
    "rx-length-twice-chain": Fault(
        "vmxnet3 torn", VMXNET3_RX, "\t\tm->data_len = pvn_field_get(VMXNET3_RXC2_LEN, c.word2);",
        "\t\tm->data_len = pvn_field_get(VMXNET3_RXC2_LEN,\n"
        "\t\t\tpvn_le32_to_cpu(__atomic_load_n(&slot->word2, __ATOMIC_RELAXED)));"),
    "tx-index-twice": Fault(
        "vmxnet3 torn", TX_REAP, "\t\tnow = done_with(&f, index, done);\n",
        "\t\tnow = done_with(&f, index, done);\n"
        "\t\tif (now != 0)\n"
        "\t\t\tnow = (VMXNET3_TXC0_INDEX & pvn_le32_to_cpu(\n"
        "\t\t\t\t__atomic_load_n(&comp[next].word0, __ATOMIC_RELAXED))) - f.clean + 1;\n"),
    "ctl-queues-unclamped": Fault(
        "vmxnet3 versions", VMXNET3_DEV, "RTE_MIN(queues, VMXNET3_QUEUES_MAX_V6)", "queues"),
    "ctl-rss-fields-claimed": Fault(
        "vmxnet3 rss", VMXNET3_DEV, "return applied & fields;", "return fields;"),
    "ctl-counters-fall": Fault(
        "vmxnet3 counters", VMXNET3_STATS, "t[i] -= RTE_MIN(f[i], t[i]);", "t[i] -= f[i];"),
    "ctl-gone-link": Fault("vmxnet3 gone", VMXNET3_DEV, "link == UINT32_MAX || ", ""),
    "ctl-gone-version": Fault("vmxnet3 gone", VMXNET3_DEV, "offered == UINT32_MAX || ", ""),

    # Receive
    "rx-stays-starved": Fault(
        "vmxnet3 rx trouble", VMXNET3_RX, "\trefill_if_due(rxq, &rxq->rings[0]);",
        "\tif (n > 0)\n\t\trefill_if_due(rxq, &rxq->rings[0]);"),
    "rx-skipped-lost": Fault(
        "vmxnet3 rx trouble", VMXNET3_RX, "rte_mbuf_raw_free(vmxnet3_rx_take_slot(ring));",
        "vmxnet3_rx_take_slot(ring);"),
    "rx-doorbell-unwanted": Fault(
        "vmxnet3 rx trouble", VMXNET3_RX,
        "if (__atomic_load_n(&rxq->shared->doorbells_wanted, __ATOMIC_RELAXED) != 0)",
        "if (rxq->shared != NULL)"),
    "rx-doorbell-each": Fault(
        "vmxnet3 rx trouble", VMXNET3_RX, "return RTE_MIN(REFILL_CHUNK, ring_size / 4);", "return 1;"),
    "rx-doorbell-missing": Fault("vmxnet3 rx trouble", VMXNET3_LIFE, "\tannounce_buffers(dev);\n", ""),
    "rx-fragment-limit": Fault(
        "vmxnet3 rx trouble", VMXNET3_DEV, "sh->max_rx_frags = pvn_cpu_to_le16(max_rx_pieces);",
        "sh->max_rx_frags = 0;"),
    "rx-buffer-15-bits": Fault(
        "vmxnet3 rx trouble", VMXNET3_QUEUE, "RTE_MIN(room, VMXNET3_RX_BUF_MAX)", "room"),
    "rx-completions-few": Fault(
        "vmxnet3 rx trouble", VMXNET3_QUEUE, "comp_entries(rxq, rxq->ring_size + ring2_size)",
        "comp_entries(rxq, rxq->ring_size)"),
    "rx-shortage-each": Fault(
        "vmxnet3 rx shortage", VMXNET3_RX, "rxq->stats.nombuf += !ring->starving;",
        "rxq->stats.nombuf++;"),
    "rx-ring2-pinned": Fault("vmxnet3 limits", VMXNET3_QUEUE, "scatter ? ring2_size : 0", "ring2_size"),

    # Transmit
    "tx-empty-segment": Fault(
        "vmxnet3 tx trouble", VMXNET3_TX,
        "unlikely(len - 1 >= VMXNET3_TX_BUF_MAX - 1) ||\n\t\t    unlikely(rte_mbuf_refcnt_read(m) != 1)",
        "unlikely(rte_mbuf_refcnt_read(m) != 1)"),
    "tx-empty-packet": Fault(
        "vmxnet3 tx trouble", VMXNET3_TX, "m->nb_segs != 1 || len - 1 >= VMXNET3_TX_BUF_MAX - 1",
        "m->nb_segs != 1 || len >= VMXNET3_TX_BUF_MAX"),
    "tx-large-segment": Fault(
        "vmxnet3 tx trouble", VMXNET3_TX_H,
        "\t\tif (m->data_len > VMXNET3_TX_BUF_MAX)\n\t\t\treturn 0;\n", ""),
    "tx-many-segments": Fault("vmxnet3 tx trouble", VMXNET3_TX_H, ": VMXNET3_TX_DESC_PER_PKT;", ": 255;"),
    "tx-many-segments-tso": Fault(
        "vmxnet3 offloads", VMXNET3_TX_H, "? VMXNET3_TSO_DESC_PER_PKT", "? 255"),
    "tx-full-dropped": Fault(
        "vmxnet3 tx trouble", VMXNET3_TX, FULL_RING,
        "\tif (needed > room(txq)) {\n\t\trte_pktmbuf_free(m);\n\t\treturn true;\n\t}\n"),
    "tx-full-counted": Fault(
        "vmxnet3 tx trouble", VMXNET3_TX, FULL_RING,
        "\tif (needed > room(txq)) {\n\t\ttxq->stats.unsendable++;\n\t\treturn false;\n\t}\n"),
    "tx-half-visible": Fault(
        "vmxnet3 tx trouble", VMXNET3_TX, "word2 = gen ^ VMXNET3_TXD2_GEN, segs = n", "word2 = gen, segs = n"),

    # Offloads
    "tx-wishes-in-last": Fault(
        "vmxnet3 offloads", VMXNET3_TX, "\t\tif (left == 0)\n\t\t\tword3 |= ",
        "\t\tif (d == first)\n\t\t\tword3 = 0;\n\t\tif (left == 0)\n\t\t\tword3 |= w->word3 | "),
    "tx-ipv4-checksum": Fault(
        "vmxnet3 offloads", TX_PREPARE, "ip->hdr_checksum = rte_ipv4_cksum(ip);",
        "ip->hdr_checksum = 0;"),
    "rx-told-in-last": Fault(
        "vmxnet3 offloads", VMXNET3_RX, "describe(rxq, head, c.word0,", "describe(rxq, last, c.word0,"),
    "rx-stale-type": Fault(
        "vmxnet3 offloads", VMXNET3_RX_H, "m->packet_type = meaning->ptype;",
        "m->packet_type |= meaning->ptype;"),
    "rx-udp-if-not-tcp": Fault(
        "vmxnet3 offloads", OFFLOAD, "(word3 & VMXNET3_RXC3_UDP) != 0 ? RTE_ETH", "true ? RTE_ETH"),
    "rx-checksum-of-fragment": Fault(
        "vmxnet3 offloads", OFFLOAD,
        "\tif ((word3 & VMXNET3_RXC3_FRG) != 0)\n\t\treturn 0;\n", ""),
    "rx-type-unannounced": Fault(
        "vmxnet3 offloads", OFFLOAD, "\t\tRTE_PTYPE_L4_FRAG,\n\t\tRTE_PTYPE_UNKNOWN,\n",
        "\t\tRTE_PTYPE_UNKNOWN,\n"),

    # Settings
    "ctl-mtu-1500": Fault(
        "vmxnet3 settings", VMXNET3_DEV, "sh->mtu = pvn_cpu_to_le32(mtu);",
        "sh->mtu = pvn_cpu_to_le32(RTE_ETHER_MTU);"),
    "ctl-mac-late": Fault(
        "vmxnet3 settings", VMXNET3_SETTINGS,
        "\tif (hw->active)\n\t\tvmxnet3_dev_mac_write(hw, mac);\n", ""),
    "ctl-mac-lost": Fault(
        "vmxnet3 life", VMXNET3_LIFE, "vmxnet3_dev_mac_write(hw, dev->data->mac_addrs);",
        "vmxnet3_dev_mac_write(hw, &hw->caps.perm_mac);"),
    "ctl-vlan-early": Fault(
        "vmxnet3 settings", VMXNET3_SETTINGS, "\tif (!hw->active)\n\t\treturn 0;\n", ""),
    "ctl-features-early": Fault(
        "vmxnet3 settings", VMXNET3_DEV_SET,
        "\tif (hw->active)\n\t\ttell_locked(hw, VMXNET3_CMD_UPDATE_FEATURE);",
        "\ttell_locked(hw, VMXNET3_CMD_UPDATE_FEATURE);"),
    "ctl-stats-without-queues": Fault(
        "vmxnet3 settings", VMXNET3_STATS, "\t\tif (rxq != NULL)\n", "\t\tif (true)\n"),
    "ctl-close-without-queues": Fault(
        "vmxnet3 settings", VMXNET3_QUEUE, "\tif (rxq == NULL)\n\t\treturn;\n", ""),

    # Limits and versions
    "ctl-ring-step": Fault("vmxnet3 limits", VMXNET3_INFO, ".nb_align = VMXNET3_RING_STEP,",
                           ".nb_align = 1,"),
    "ctl-ring-smallest": Fault("vmxnet3 limits", VMXNET3_INFO, ".nb_min = VMXNET3_RING_STEP,",
                               ".nb_min = 512,"),
    "ctl-segments-announced": Fault(
        "vmxnet3 limits", VMXNET3_INFO, "nb_seg_max = VMXNET3_TSO_DESC_PER_PKT;", "nb_seg_max = 255;"),
    "ctl-buffer-announced": Fault(
        "vmxnet3 limits", VMXNET3_INFO, "min_rx_bufsize = VMXNET3_RX_HEAD_MIN;",
        "min_rx_bufsize = VMXNET3_RX_HEAD_MIN / 2;"),
    "ctl-v6-mtu": Fault(
        "vmxnet3 versions", VMXNET3_DEV, "caps->max_mtu = VMXNET3_MTU_MAX_V6;",
        "caps->max_mtu = VMXNET3_MTU_MAX_V1;"),
    "ctl-v6-queue-stats": Fault(
        "vmxnet3 versions", VMXNET3_STATS,
        "\t\tif (queues == NULL || q >= RTE_ETHDEV_QUEUE_STAT_CNTRS)\n\t\t\tcontinue;\n", ""),
    "ctl-memory-of-8-queues": Fault(
        "vmxnet3 versions", MEMORY, "users |= (uint16_t)(1u << q);", "users |= (uint8_t)(1u << q);"),
    "ctl-buffer-size-of-last": Fault(
        "vmxnet3 versions", VMXNET3_LIFE, "\t\tif (rxq->buf_len != first->buf_len)\n\t\t\treturn;\n",
        "\t\tfirst = rxq;\n"),
    "ctl-command-shifted": Fault("vmxnet3 layout", PROTO, "0xF00D000Fu", "0xF00D000Eu"),

    # Life, interrupts, RSS
    "ctl-probe-error-lost": Fault(
        "vmxnet3 life", ETHDEV, "\t\trte_eth_dev_release_port(dev);\n\t\treturn ret;\n",
        "\t\trte_eth_dev_release_port(dev);\n\t\treturn 0;\n"),
    "ctl-reset-keeps-queues": Fault(
        "vmxnet3 interrupts", VMXNET3_LIFE,
        "\tvmxnet3_stop(dev);\n\trelease_queues(dev);\n\treturn vmxnet3_dev_negotiate",
        "\tvmxnet3_stop(dev);\n\treturn vmxnet3_dev_negotiate"),
    "ctl-remove-leaks": Fault(
        "vmxnet3 life", ETHDEV, "\t\tvmxnet3_close(dev);\n", ""),
    "ctl-rings-stale": Fault(
        "vmxnet3 life", VMXNET3_QUEUE, "\tmemset(rxq->zone->addr, 0, rxq->zone->len);\n", ""),
    "ctl-odd-queues": Fault(
        "vmxnet3 life", VMXNET3_RSS, "if (is_wanted(dev) && hw->caps.version < 6 &&",
        "if (hw->caps.version < 6 &&"),
    "ctl-setup-leaks-tx": Fault(
        "vmxnet3 refusals", VMXNET3_QUEUE, "\t\tvmxnet3_txq_release(dev, queue);\n\t\treturn -ENOMEM;",
        "\t\tdev->data->tx_queues[queue] = NULL;\n\t\treturn -ENOMEM;"),
    "ctl-rx-intr-unequal": Fault(
        "vmxnet3 interrupts", VMXNET3_INTR, "if (needed > vectors) {",
        "if (needed > vectors || dev->data->nb_rx_queues != dev->data->nb_tx_queues) {"),
    "ctl-rx-intr-sticky": Fault(
        "vmxnet3 interrupts", VMXNET3_INTR, "\tintr->rx = conf->rxq != 0;\n",
        "\tstatic bool never;\n\tnever = never || conf->rxq == 0;\n"
        "\tintr->rx = conf->rxq != 0 && !never;\n"),
    "ctl-intr-needed": Fault(
        "vmxnet3 interrupts", VMXNET3_INTR, "!intr->events && (intr->rx || conf->lsc != 0)",
        "!intr->events"),
    "ctl-rss-key-announced": Fault(
        "vmxnet3 rss", VMXNET3_INFO,
        "info->hash_key_size = info->flow_type_rss_offloads == 0 ? 0 : VMXNET3_RSS_KEY_LEN;",
        "info->hash_key_size = 0;"),
    "ctl-rss-table-unchecked": Fault(
        "vmxnet3 rss", VMXNET3_RSS, "\t\tfits = fits && rss->table[i] < queues;\n",
        "\t\t(void)queues;\n"),
}
