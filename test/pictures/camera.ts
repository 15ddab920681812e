// Screenshots of pages, kept small enough for git: cut to what matters, with fewer colours where Debian's pngquant is here. A
// picture that is still too large is an error.

import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Locator, Page } from 'playwright-core'

const bytesMax = 120_000
const marginPx = 16

export type Camera = {
  /** The uppermost part of the window, so high, as it is scrolled to its top. */
  readonly window: (name: string, page: Page, heightPx: number) => Promise<void>
  /** Elements that stand beside each other, with a margin. */
  readonly around: (name: string, page: Page, elements: readonly Locator[]) => Promise<void>
  /** The uppermost part of an element that may be higher than the window. */
  readonly tall: (name: string, page: Page, element: Locator, heightPx: number) => Promise<void>
}

/** A camera that writes `name.png` into a folder. */
export function cameraInto(folder: string): Camera {
  const take = async (name: string, page: Page, clip: Box): Promise<void> => {
    const path = join(folder, `${name}.png`)
    await page.screenshot({ path, clip, animations: 'disabled', caret: 'hide' })
    shrink(path)
    const { size } = statSync(path)
    if (size > bytesMax) throw new Error(`${path}: at most ${bytesMax} bytes expected, got ${size}`)
    console.log(`${name}.png  ${clip.width} x ${clip.height}  ${Math.ceil(size / 1000)} KB`)
  }
  return {
    async window(name, page, height) {
      await page.evaluate(() => window.scrollTo(0, 0))
      await take(name, page, { x: 0, y: 0, width: page.viewportSize()?.width ?? 0, height })
    },
    async around(name, page, elements) {
      await elements[0]?.scrollIntoViewIfNeeded()
      const boxes = await Promise.all(elements.map(boxOf))
      const left = Math.min(...boxes.map((box) => box.x)) - marginPx
      const top = Math.min(...boxes.map((box) => box.y)) - marginPx
      const right = Math.max(...boxes.map((box) => box.x + box.width)) + marginPx
      const bottom = Math.max(...boxes.map((box) => box.y + box.height)) + marginPx
      await take(name, page, whole({ x: left, y: top, width: right - left, height: bottom - top }))
    },
    async tall(name, page, element, height) {
      await element.evaluate((one) => one.scrollIntoView({ block: 'start' }))
      const box = await boxOf(element)
      await take(name, page, whole({ ...box, height: Math.min(height, box.height) }))
    },
  }
}

type Box = { readonly x: number; readonly y: number; readonly width: number; readonly height: number }

async function boxOf(element: Locator): Promise<Box> {
  const box = await element.boundingBox()
  if (box === null) throw new Error('what is to be in the picture is not on the page')
  return box
}

function whole({ x, y, width, height }: Box): Box {
  return {
    x: Math.max(0, Math.floor(x)),
    y: Math.max(0, Math.floor(y)),
    width: Math.ceil(width),
    height: Math.ceil(height),
  }
}

function shrink(path: string): void {
  const { status, error } = spawnSync('pngquant', [
    '--force',
    '--strip',
    '--skip-if-larger',
    '--output',
    path,
    '64',
    path,
  ])
  // 98: it would have become larger.
  if (error === undefined && status !== 0 && status !== 98) throw new Error(`pngquant ended with ${status}: ${path}`)
}
