// Download sink of an export, by the File System Access API: a file that the reader chose, written as it comes, where the browser has
// that; elsewhere gathered and given to the browser as a download.

import type { ExportSink } from './export-stream.ts'

/** Type of `showSaveFilePicker`, where a browser has it; the standard library of types does not know it yet. */
type WithPicker = {
  readonly showSaveFilePicker: (options: { readonly suggestedName: string }) => Promise<{
    readonly createWritable: () => Promise<{
      readonly write: (chunk: Uint8Array<ArrayBuffer>) => Promise<void>
      readonly close: () => Promise<void>
      readonly abort: () => Promise<void>
    }>
  }>
}

/** Opens a sink for a file of this name; undefined when the reader changed their mind. */
export async function openSink(name: string, type: string): Promise<ExportSink | undefined> {
  if (!hasPicker(window)) return gathering(name, type)
  try {
    const file = await window.showSaveFilePicker({ suggestedName: name })
    const stream = await file.createWritable()
    return {
      write: async (chunk) => stream.write(chunk),
      finish: async () => stream.close(),
      drop: async () => stream.abort(),
    }
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') return undefined
    return gathering(name, type)
  }
}

function gathering(name: string, type: string): ExportSink {
  const chunks: Uint8Array<ArrayBuffer>[] = []
  return {
    write: async (chunk) => {
      chunks.push(chunk)
    },
    finish: async () => {
      const href = URL.createObjectURL(new Blob(chunks, { type }))
      const link = document.createElement('a')
      link.href = href
      link.download = name
      document.body.append(link)
      link.click()
      link.remove()
      URL.revokeObjectURL(href)
    },
    drop: async () => {
      chunks.length = 0
    },
  }
}

function hasPicker(here: object): here is WithPicker {
  return 'showSaveFilePicker' in here && typeof here.showSaveFilePicker === 'function'
}
