using System.Security.Cryptography.X509Certificates;
using Datum.Providers.Clouds.Vsphere;
using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Vsphere.Tests.Backend;

/// <summary>The fixture's process.</summary>
public sealed class VcsimTests
{
    [Test]
    public async Task It_starts_with_a_certificate_of_its_own_authority_and_ends()
    {
        await using var vcsim = await Vcsim.StartAsync(Program());
        using var handler = new SocketsHttpHandler();
        X509Certificate2? shown = null;
        handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) =>
        {
            shown = certificate is null ? null : X509CertificateLoader.LoadCertificate(certificate.GetRawCertData());
            using var chain = new X509Chain();
            chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            chain.ChainPolicy.CustomTrustStore.Add(vcsim.Authority);
            chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
            return shown is not null && chain.Build(shown);
        };
        using var http = new HttpClient(handler);
        using var answer = await http.GetAsync(new Uri(vcsim.Address, "about"));
        Assert.That(answer.IsSuccessStatusCode, Is.True);
        Assert.That(shown?.Thumbprint, Is.EqualTo(vcsim.Certificate.Thumbprint));
    }

    /// <summary>The simulator's program, or the end of the test.</summary>
    internal static string Program() => Vcsim.Program ?? throw SharedFolder.Missing("vcsim", "DATUM_VCSIM names no vcsim (deploy/dev/tools.sh vcsim builds it)");
}
