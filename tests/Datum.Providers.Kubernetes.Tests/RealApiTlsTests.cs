using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Datum.Providers.Kubernetes.Tests;

internal sealed class RealApiTlsTests : RealApiTestBase
{
    [Test]
    public async Task A_server_is_trusted_only_by_its_authority_and_name()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var stranger = new CertificateRequest("CN=stranger", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        var good = Client.Connection;
        Assert.That(await ReachesAsync(good.Authorities, null, false));
        Assert.That(await ReachesAsync(good.Authorities, "kubernetes.default.svc", false));
        Assert.That(await ReachesAsync(good.Authorities, "somebody.example.com", false), Is.False);
        Assert.That(await ReachesAsync([stranger], null, false), Is.False);
        Assert.That(await ReachesAsync([stranger], "kubernetes.default.svc", false), Is.False);
        Assert.That(await ReachesAsync(null, null, false), Is.False);
        Assert.That(await ReachesAsync(null, null, true));
    }

    [Test]
    public async Task Without_its_certificate_the_client_is_nobody()
    {
        await using var anonymous = new KubernetesClient(new KubernetesConnection { Server = Client.Connection.Server, Authorities = Client.Connection.Authorities });
        var refusal = (await Assert.ThrowsAsync<KubernetesException>(() => anonymous.FindAsync(Core.Namespaces, new ObjectKey(null, "default"), Limit)))!;
        Assert.That(refusal.Code, Is.AnyOf(401, 403));
    }

    private async Task<bool> ReachesAsync(X509Certificate2Collection? authorities, string? name, bool skip)
    {
        var good = Client.Connection;
        var connection = new KubernetesConnection { Server = good.Server, ClientCertificate = good.ClientCertificate, Authorities = authorities, TlsServerName = name, SkipTlsVerify = skip };
        await using var client = new KubernetesClient(connection, new KubernetesClientOptions { MaxRetries = 0 });
        try
        {
            return await client.FindAsync(Core.Namespaces, new ObjectKey(null, "default"), Limit) is not null;
        }
        catch (HttpRequestException error) when (error.HttpRequestError == HttpRequestError.SecureConnectionError)
        {
            return false;
        }
    }
}
