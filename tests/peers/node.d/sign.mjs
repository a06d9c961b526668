// Signs a PDF as @signpdf/signpdf does: node sign.mjs IN.pdf OUT.pdf KEY.p12 PASSWORD
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'

// The packages lie in a cache folder, not beside this script.
const require = createRequire(`${process.env.CINNABAR_NODE}/package.json`)
const { plainAddPlaceholder } = require('@signpdf/placeholder-plain')
const { P12Signer } = require('@signpdf/signer-p12')
const signpdf = require('@signpdf/signpdf').default

const [input, output, key, passphrase] = process.argv.slice(2)
const pdfBuffer = plainAddPlaceholder({
  pdfBuffer: readFileSync(input),
  reason: 'Test',
  contactInfo: 'test@example.cn',
  name: 'signpdf',
  location: 'Test',
  signatureLength: 16384,
})
const signer = new P12Signer(readFileSync(key), { passphrase })
writeFileSync(output, await signpdf.sign(pdfBuffer, signer))
