import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Security;
import java.security.cert.CertPathBuilder;
import java.security.cert.CertStore;
import java.security.cert.CertificateFactory;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXBuilderParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509CertSelector;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Calendar;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.pdfbox.cos.COSArray;
import org.apache.pdfbox.cos.COSDictionary;
import org.apache.pdfbox.cos.COSName;
import org.apache.pdfbox.pdmodel.PDDocument;
import org.apache.pdfbox.pdmodel.interactive.digitalsignature.PDSignature;
import org.apache.pdfbox.preflight.PreflightDocument;
import org.apache.pdfbox.preflight.ValidationResult;
import org.apache.pdfbox.preflight.exception.SyntaxValidationException;
import org.apache.pdfbox.preflight.parser.PreflightParser;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaCertStore;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cms.CMSProcessableByteArray;
import org.bouncycastle.cms.CMSSignedData;
import org.bouncycastle.cms.CMSSignedDataGenerator;
import org.bouncycastle.cms.SignerInformation;
import org.bouncycastle.cms.jcajce.JcaSignerInfoGeneratorBuilder;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;
import org.bouncycastle.tsp.TimeStampToken;
import org.bouncycastle.util.Selector;

/**
 * PDFBox and BouncyCastle as a signer of other people's PDFs and as a judge of ours.
 *
 * <pre>
 * Peer judge FILE ROOT.pem                     one JSON object per signature
 * Peer judge-all ROOT.pem FILE…                one JSON object per file: what `judge` says, or why it says nothing
 * Peer sign IN OUT KEY.p12 PASSWORD [CERTIFY]  signs incrementally; CERTIFY 1-3 makes it a certification
 * Peer preflight FILE                          PDF/A-1b: JSON with what is wrong
 * Peer bench-sign IN KEY.p12 PASSWORD ROUNDS   processor milliseconds per signature, after as many rounds to warm up
 * Peer bench-judge FILE ROOT.pem ROUNDS        processor milliseconds per validation, after as many rounds to warm up
 * </pre>
 */
public final class Peer {
    private Peer() {}

    /** Runs one command; exit status 1 and the exception's words when it fails. */
    public static void main(String[] arguments) {
        java.util.logging.LogManager.getLogManager().reset(); // a word about every fallback font
        System.setProperty("pdfbox.fontcache", System.getProperty("java.io.tmpdir"));
        Security.addProvider(new BouncyCastleProvider());
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        try {
            out.println(switch (arguments[0]) {
                case "judge" -> judge(Files.readAllBytes(new File(arguments[1]).toPath()), root(arguments[2]));
                case "judge-all" -> judgeAll(arguments);
                case "sign" -> sign(arguments);
                case "preflight" -> preflight(new File(arguments[1]));
                case "bench-sign" -> {
                    byte[] document = Files.readAllBytes(new File(arguments[1]).toPath());
                    Key key = new Key(arguments[2], arguments[3]);
                    yield bench(Integer.parseInt(arguments[4]), () -> signed(document, key, 0, new Counting()));
                }
                case "bench-judge" -> {
                    byte[] document = Files.readAllBytes(new File(arguments[1]).toPath());
                    X509Certificate root = root(arguments[2]);
                    yield bench(Integer.parseInt(arguments[3]), () -> judge(document, root));
                }
                default -> throw new IllegalArgumentException("no command " + arguments[0]);
            });
        } catch (Exception failure) {
            System.err.println(failure);
            System.exit(1);
        }
    }

    /** Many small files in one run: starting the machine costs more than judging. */
    private static String judgeAll(String[] arguments) throws Exception {
        X509Certificate root = root(arguments[1]);
        List<String> lines = new ArrayList<>();
        for (String name : Arrays.asList(arguments).subList(2, arguments.length)) {
            String said;
            try {
                said = judge(Files.readAllBytes(new File(name).toPath()), root);
            } catch (Exception | StackOverflowError failure) {
                said = "null";
            }
            lines.add(String.format("{\"file\":\"%s\",\"signatures\":%s}", new File(name).getName(), said));
        }
        return String.join("\n", lines);
    }

    private static String judge(byte[] document, X509Certificate root) throws Exception {
        List<String> verdicts = new ArrayList<>();
        try (PDDocument pdf = PDDocument.load(document)) {
            for (PDSignature signature : pdf.getSignatureDictionaries()) {
                verdicts.add(judge(signature, document, root));
            }
        }
        return "[" + String.join(",", verdicts) + "]";
    }

    private static String judge(PDSignature signature, byte[] document, X509Certificate root) {
        boolean intact = false;
        boolean trusted = false;
        String error = "";
        try {
            byte[] container = signature.getContents(document);
            byte[] signed = signature.getSignedContent(document);
            CMSSignedData cms;
            if ("ETSI.RFC3161".equals(signature.getSubFilter())) {
                TimeStampToken token = new TimeStampToken(new CMSSignedData(container));
                String algorithm = token.getTimeStampInfo().getMessageImprintAlgOID().getId();
                byte[] imprint = java.security.MessageDigest.getInstance(algorithm, "BC").digest(signed);
                if (!Arrays.equals(imprint, token.getTimeStampInfo().getMessageImprintDigest())) {
                    throw new IOException("imprint of something else");
                }
                cms = token.toCMSSignedData();
            } else {
                cms = new CMSSignedData(new CMSProcessableByteArray(signed), container);
            }
            Collection<SignerInformation> signers = cms.getSignerInfos().getSigners();
            if (signers.size() != 1) {
                throw new IOException(signers.size() + " signers");
            }
            SignerInformation signer = signers.iterator().next();
            X509CertificateHolder holder = certificates(cms, signer.getSID()).iterator().next();
            X509Certificate certificate = new JcaX509CertificateConverter().getCertificate(holder);
            intact = signer.verify(new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC").build(certificate));
            trusted = leads(certificate, certificates(cms, null), root);
        } catch (Exception | StackOverflowError failure) {
            error = failure.toString();
        }
        int[] range = signature.getByteRange();
        boolean whole = range.length == 4 && range[0] == 0 && (long) range[2] + range[3] == document.length;
        return String.format(
            "{\"name\":%s,\"subfilter\":%s,\"intact\":%b,\"trusted\":%b,\"whole\":%b,\"error\":%s}",
            quoted(signature.getName()), quoted(signature.getSubFilter()), intact, trusted, whole, quoted(error));
    }

    /** The certificates in a CMS that {@code of} selects; BouncyCastle's own identifiers select without a type. */
    @SuppressWarnings("unchecked")
    private static Collection<X509CertificateHolder> certificates(CMSSignedData cms, Selector<?> of) {
        return cms.getCertificates().getMatches((Selector<X509CertificateHolder>) of);
    }

    /** Whether a path from {@code certificate} to {@code root} holds now; revocation is other judges' matter. */
    private static boolean leads(
            X509Certificate certificate, Collection<X509CertificateHolder> others, X509Certificate root) throws Exception {
        X509CertSelector target = new X509CertSelector();
        target.setCertificate(certificate);
        PKIXBuilderParameters parameters = new PKIXBuilderParameters(Set.of(new TrustAnchor(root, null)), target);
        parameters.setRevocationEnabled(false);
        List<X509Certificate> known = new ArrayList<>();
        for (X509CertificateHolder other : others) {
            known.add(new JcaX509CertificateConverter().getCertificate(other));
        }
        parameters.addCertStore(CertStore.getInstance("Collection", new CollectionCertStoreParameters(known)));
        try {
            CertPathBuilder.getInstance("PKIX").build(parameters);
            return true;
        } catch (java.security.cert.CertPathBuilderException none) {
            return false;
        }
    }

    private static String sign(String[] arguments) throws Exception {
        byte[] document = Files.readAllBytes(new File(arguments[1]).toPath());
        int certify = arguments.length > 5 ? Integer.parseInt(arguments[5]) : 0;
        try (OutputStream out = Files.newOutputStream(new File(arguments[2]).toPath())) {
            signed(document, new Key(arguments[3], arguments[4]), certify, out);
        }
        return "{}";
    }

    private static void signed(byte[] document, Key key, int certify, OutputStream out) throws Exception {
        try (PDDocument pdf = PDDocument.load(document)) {
            PDSignature signature = new PDSignature();
            signature.setFilter(PDSignature.FILTER_ADOBE_PPKLITE);
            signature.setSubFilter(PDSignature.SUBFILTER_ADBE_PKCS7_DETACHED);
            signature.setName("PDFBox");
            signature.setReason("Test");
            signature.setSignDate(Calendar.getInstance());
            pdf.addSignature(signature, content -> key.detached(content.readAllBytes()));
            if (certify > 0) {
                certify(pdf, signature, certify);
            }
            pdf.saveIncremental(out);
        }
    }

    /** ISO 32000-1 §12.8.2.2: the DocMDP transform and the catalog's entry that names it. */
    private static void certify(PDDocument pdf, PDSignature signature, int level) {
        COSDictionary parameters = new COSDictionary();
        parameters.setItem(COSName.TYPE, COSName.getPDFName("TransformParams"));
        parameters.setInt(COSName.P, level);
        parameters.setName(COSName.V, "1.2");
        parameters.setDirect(true);
        COSDictionary reference = new COSDictionary();
        reference.setItem(COSName.TYPE, COSName.getPDFName("SigRef"));
        reference.setItem(COSName.getPDFName("TransformMethod"), COSName.DOCMDP);
        reference.setItem(COSName.getPDFName("TransformParams"), parameters);
        reference.setDirect(true);
        COSArray references = new COSArray();
        references.add(reference);
        signature.getCOSObject().setItem(COSName.getPDFName("Reference"), references);
        COSDictionary permissions = new COSDictionary();
        permissions.setItem(COSName.DOCMDP, signature);
        COSDictionary catalog = pdf.getDocumentCatalog().getCOSObject();
        catalog.setItem(COSName.PERMS, permissions);
        catalog.setNeedToBeUpdated(true);
        permissions.setNeedToBeUpdated(true);
    }

    private static String preflight(File file) throws IOException {
        PreflightParser parser = new PreflightParser(file);
        ValidationResult result;
        try {
            parser.parse();
            try (PreflightDocument document = parser.getPreflightDocument()) {
                document.validate();
                result = document.getResult();
            }
        } catch (SyntaxValidationException failure) {
            result = failure.getResult();
        }
        String errors = result.getErrorsList().stream()
            .map(error -> quoted(error.getErrorCode() + " " + error.getDetails()))
            .collect(Collectors.joining(","));
        return "{\"valid\":" + result.isValid() + ",\"errors\":[" + errors + "]}";
    }

    private interface Work {
        void run() throws Exception;
    }

    private static String bench(int rounds, Work work) throws Exception {
        for (int round = 0; round < rounds; round++) {
            work.run();
        }
        var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        long before = system.getProcessCpuTime();
        for (int round = 0; round < rounds; round++) {
            work.run();
        }
        return String.format("{\"cpu_ms\":%.4f}", (system.getProcessCpuTime() - before) / 1e6 / rounds);
    }

    private static X509Certificate root(String path) throws Exception {
        try (InputStream in = new FileInputStream(path)) {
            return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
        }
    }

    private static String quoted(String text) {
        if (text == null) {
            return "null";
        }
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < ' ') {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        return out.append('"').toString();
    }

    /** A key with its chain. */
    private static final class Key {
        private final PrivateKey key;
        private final List<X509Certificate> chain = new ArrayList<>();

        Key(String path, String password) throws Exception {
            KeyStore store = KeyStore.getInstance("PKCS12");
            try (InputStream in = new FileInputStream(path)) {
                store.load(in, password.toCharArray());
            }
            String alias = store.aliases().nextElement();
            key = (PrivateKey) store.getKey(alias, password.toCharArray());
            for (var certificate : store.getCertificateChain(alias)) {
                chain.add((X509Certificate) certificate);
            }
        }

        byte[] detached(byte[] content) {
            try {
                String algorithm = key.getAlgorithm().equals("RSA") ? "SHA256withRSA" : "SHA256withECDSA";
                var digests = new JcaDigestCalculatorProviderBuilder().build();
                CMSSignedDataGenerator generator = new CMSSignedDataGenerator();
                generator.addSignerInfoGenerator(new JcaSignerInfoGeneratorBuilder(digests)
                    .build(new JcaContentSignerBuilder(algorithm).setProvider("BC").build(key), chain.get(0)));
                generator.addCertificates(new JcaCertStore(chain));
                return generator.generate(new CMSProcessableByteArray(content), false).getEncoded();
            } catch (IOException failure) {
                throw new UncheckedIOException(failure);
            } catch (Exception failure) {
                throw new IllegalStateException(failure);
            }
        }
    }

    /** Takes in what is written and keeps nothing of it but its length. */
    private static final class Counting extends ByteArrayOutputStream {
        private long count;

        @Override
        public synchronized void write(byte[] bytes, int offset, int length) {
            count += length;
        }

        @Override
        public synchronized void write(int one) {
            count++;
        }
    }
}
