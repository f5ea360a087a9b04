using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;

namespace Datum.Providers.Host.Loader;

/// <summary>
/// The keys whose signatures are accepted: ECDSA P-256 public keys in PEM. Several may be valid at once, so that a new one can be added
/// before the old one is taken away.
/// </summary>
public sealed class DriverKeys
{
    private const int MaxBytes = 64 * 1024;
    private const string Label = "PUBLIC KEY";
    private const string Curve = "1.2.840.10045.3.1.7";

    private readonly ImmutableSortedDictionary<string, byte[]> _keys;

    private DriverKeys(ImmutableSortedDictionary<string, byte[]> keys) => _keys = keys;

    /// <summary>SHA-256 of each key's SubjectPublicKeyInfo, in lower-case hex: <c>openssl pkey -pubin -in KEY.pem -outform DER | sha256sum</c>.</summary>
    public IEnumerable<string> Ids => _keys.Keys;

    /// <summary>Reads a file, or every <c>*.pem</c> of a folder. Throws <see cref="FormatException"/> for what is no such key, <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/>.</summary>
    public static DriverKeys Read(string path)
    {
        var files = Directory.Exists(path) ? Directory.GetFiles(path, "*.pem").Order(StringComparer.Ordinal).ToArray() : [path];
        var keys = ImmutableSortedDictionary.CreateBuilder<string, byte[]>(StringComparer.Ordinal);
        foreach (var file in files)
        {
            var text = Encoding.UTF8.GetString(RegularFile.Read(file, MaxBytes));
            var before = keys.Count;
            var rest = text.AsSpan();
            while (PemEncoding.TryFind(rest, out var found))
            {
                var label = rest[found.Label];
                if (!label.SequenceEqual(Label))
                    throw new FormatException($"{file} holds a {label}; driver keys are public keys in PEM ({Label}) and nothing else. Make one with: openssl pkey -in PRIVATE.pem -pubout.");
                var info = Convert.FromBase64String(rest[found.Base64Data].ToString());
                keys[Check(file, info)] = info;
                rest = rest[found.Location.End..];
            }

            if (keys.Count == before && !text.Contains("-----BEGIN", StringComparison.Ordinal))
                throw new FormatException($"{file} holds no public key in PEM. Name a file with -----BEGIN {Label}-----.");
        }

        return keys.Count > 0 ? new DriverKeys(keys.ToImmutable()) : throw new FormatException($"{path} holds no *.pem file with a public key, so that no driver could be accepted. Put one there.");
    }

    /// <summary>The id of the key that made the signature; null when none did.</summary>
    internal string? SignerOf(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        foreach (var (id, info) in _keys)
        {
            using var key = ECDsa.Create();
            key.ImportSubjectPublicKeyInfo(info, out _);
            if (key.VerifyData(data, signature, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence))
                return id;
        }

        return null;
    }

    internal static string IdOf(ECDsa key) => DriverVerifier.Digest(key.ExportSubjectPublicKeyInfo());

    private static string Check(string file, byte[] info)
    {
        try
        {
            using var key = ECDsa.Create();
            key.ImportSubjectPublicKeyInfo(info, out _);
            if (key.ExportParameters(includePrivateParameters: false).Curve.Oid.Value == Curve)
                return IdOf(key);
        }
        catch (CryptographicException e)
        {
            throw new FormatException($"{file} holds a public key that isn't for ECDSA: {e.Message} Take one on curve P-256 (prime256v1).");
        }

        throw new FormatException($"{file} holds a key on another curve than P-256. Make one with: openssl ecparam -name prime256v1 -genkey.");
    }
}

/// <summary>The detached signature beside driver.json: ECDSA P-256 with SHA-256 over the bytes of driver.json, in DER, as <c>openssl dgst -sha256 -sign</c> writes it.</summary>
internal static class DriverSignature
{
    /// <summary>The one file that driver.json doesn't list: it is made of it.</summary>
    public const string FileName = DriverFinder.ManifestName + ".sig";

    private const int MaxBytes = 1024;

    /// <summary>The id of the accepted key that signed. Throws <see cref="DriverRejectedException"/>.</summary>
    public static string Verify(DriverFolder folder, DriverManifest manifest, DriverKeys keys)
    {
        var path = Path.Combine(folder.CanonicalPath, FileName);
        if (!File.Exists(path))
            throw Rejected(DriverRejectionReason.SignatureMissing, $"{folder.Path} has no {FileName}, and this host runs signed drivers only. Take the signed release of driver {manifest.Id}, or sign it if you trust it: datum-providers drivers pack --sign-key, or openssl dgst -sha256 -sign.");
        DriverFiles.RefuseLinkOut(folder, path, DriverPhase.Verify);
        var data = DriverVerifier.ReadFile(Path.Combine(folder.CanonicalPath, DriverFinder.ManifestName), DriverManifest.MaxBytes, DriverPhase.Verify);
        if (DriverVerifier.Digest(data) != manifest.Digest)
            throw Rejected(DriverRejectionReason.DigestMismatch, $"{DriverFinder.ManifestName} of driver {manifest.Id} changed while it was looked at. Restart the host once the driver volume is at rest.");
        return keys.SignerOf(data, DriverVerifier.ReadFile(path, MaxBytes, DriverPhase.Verify))
            ?? throw Rejected(DriverRejectionReason.SignatureInvalid, $"{path} isn't the signature of {DriverFinder.ManifestName} by any accepted key ({string.Join(", ", keys.Ids)}). Take driver {manifest.Id} from a source that you trust; if its publisher has a new key, add that to the driver keys.");
    }

    /// <summary>Signs a packed folder and returns the key's id. Throws <see cref="DriverPackException"/>.</summary>
    public static string Sign(string folder, string keyFile)
    {
        using var key = ECDsa.Create();
        try
        {
            key.ImportFromPem(File.ReadAllText(keyFile));
            var signature = key.SignData(File.ReadAllBytes(Path.Combine(folder, DriverFinder.ManifestName)), HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
            if (key.KeySize != 256)
                throw new DriverPackException($"--sign-key {keyFile}: is on another curve than P-256. Make a key with: openssl ecparam -name prime256v1 -genkey -noout.");
            File.WriteAllBytes(Path.Combine(folder, FileName), signature);
            return DriverKeys.IdOf(key);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            // Not the exception's text alone: nothing of a private key may stand in it, and it doesn't.
            throw new DriverPackException($"--sign-key {keyFile}: holds no private key for ECDSA in PEM without a password ({e.GetType().Name}). Make one with: openssl ecparam -name prime256v1 -genkey -noout.");
        }
    }

    private static DriverRejectedException Rejected(DriverRejectionReason reason, string message) => new(DriverPhase.Verify, reason, message);
}
