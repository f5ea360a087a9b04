using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Datum.Providers.Kubernetes;

/// <summary>Reads certificates. Errors name the place that they come from and quote nothing.</summary>
internal static class Pem
{
    private const int MaxBytes = 1 << 20;

    public static string Read(string path, string field)
    {
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > MaxBytes })
                throw new KubeConfigException($"{field}: {path} is larger than {MaxBytes} bytes; name another file.");
            return File.ReadAllText(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new KubeConfigException($"{field}: can't be read ({error.Message}). Name a readable file.", error);
        }
    }

    public static X509Certificate2Collection Authorities(string pem, string field)
    {
        var authorities = new X509Certificate2Collection();
        try
        {
            authorities.ImportFromPem(pem);
        }
        catch (CryptographicException error)
        {
            throw new KubeConfigException($"{field}: is not a PEM certificate ({error.Message}).", error);
        }
        return authorities.Count > 0 ? authorities : throw new KubeConfigException($"{field}: holds no PEM certificate.");
    }

    /// <summary>The first certificate with its key, and the certificates after it, which are sent too.</summary>
    public static (X509Certificate2 Leaf, X509Certificate2Collection Chain) Identity(string certificate, string key, string field)
    {
        try
        {
            var leaf = X509Certificate2.CreateFromPem(certificate, key);
            var chain = new X509Certificate2Collection();
            chain.ImportFromPem(certificate);
            chain.RemoveAt(0);
            return (leaf, chain);
        }
        catch (Exception error) when (error is CryptographicException or ArgumentException)
        {
            // The inner message could quote a part of the key.
            throw new KubeConfigException($"{field}: are not a PEM certificate and its unencrypted key.");
        }
    }
}
