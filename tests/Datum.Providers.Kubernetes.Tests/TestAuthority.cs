using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Datum.Providers.Kubernetes.Tests;

/// <summary>A certificate authority of a test, with certificates for servers and clients.</summary>
internal sealed class TestAuthority : IDisposable
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 _root;
    private long _serial = 1;

    public TestAuthority()
    {
        var request = new CertificateRequest("CN=test authority", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        _root = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }

    public string Pem => _root.ExportCertificatePem();

    public X509Certificate2Collection Roots => [X509Certificate2.CreateFromPem(Pem)];

    /// <summary>A certificate in PEM and its key; a server's carries loopback and the other names.</summary>
    public (string Certificate, string Key) Issue(string name, params string[] names)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var alternative = new SubjectAlternativeNameBuilder();
        alternative.AddIpAddress(IPAddress.Loopback);
        foreach (var other in names)
            alternative.AddDnsName(other);
        request.CertificateExtensions.Add(alternative.Build());
        using var certificate = request.Create(_root, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(12), BitConverter.GetBytes(Interlocked.Increment(ref _serial)));
        return (certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }

    public X509Certificate2 Server(params string[] names)
    {
        var (certificate, key) = Issue("server", names);
        return X509Certificate2.CreateFromPem(certificate, key);
    }

    public void Dispose()
    {
        _root.Dispose();
        _key.Dispose();
    }
}
