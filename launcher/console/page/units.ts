// SPDX-License-Identifier: LGPL-2.1-or-later
// What a number counts, so that a type says its unit.

export type Seconds = number;
export type Milliseconds = number;
export type Microseconds = number;
/** Of the picture or the video that the context names; a pixel's left or upper edge is whole. */
export type Pixels = number;
