using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Datum.Providers.Clouds.Vsphere;

/// <summary>
/// VMware's own simulator as a process of its own on a free port of loopback, with one datacenter, one cluster of three hosts, two datastores, a
/// distributed switch with one portgroup, and no machines. TLS with a certificate of an authority of its own.
/// </summary>
public sealed class Vcsim : IAsyncDisposable
{
    /// <summary>Who may log in.</summary>
    public const string User = "administrator@vsphere.local";

    /// <summary>The simulator's password.</summary>
    public const string Password = "vcsim-Pa55+w&rd";

    private readonly Process _process;
    private readonly string _folder;
    private readonly EventHandler _onExit;

    private Vcsim(Process process, string folder, Uri address, X509Certificate2 authority, X509Certificate2 certificate)
    {
        (_process, _folder, Address, Authority, Certificate) = (process, folder, address, authority, certificate);
        // What is killed leaves no simulator behind.
        _onExit = (_, _) => Kill();
        AppDomain.CurrentDomain.ProcessExit += _onExit;
    }

    /// <summary>The program that the environment variable <c>DATUM_VCSIM</c> names; null where there is none.</summary>
    public static string? Program => Environment.GetEnvironmentVariable("DATUM_VCSIM") is { Length: > 0 } named && File.Exists(named) ? named : null;

    /// <summary>Where it listens, e.g. <c>https://127.0.0.1:40001/</c>.</summary>
    public Uri Address { get; }

    /// <summary>The authority that signed its certificate.</summary>
    public X509Certificate2 Authority { get; }

    /// <summary>Its certificate, for 127.0.0.1 and localhost.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>What it printed, for messages of failed tests.</summary>
    public string Log => File.Exists(LogFile) ? File.ReadAllText(LogFile) : "";

    private string LogFile => Path.Combine(_folder, "log");

    /// <summary>Starts it and waits until it says where it listens.</summary>
    public static async Task<Vcsim> StartAsync(string program)
    {
        var folder = Directory.CreateTempSubdirectory("datum-vcsim-").FullName;
        var (authority, certificate) = Certificates();
        var (chain, key) = (Path.Combine(folder, "tls.pem"), Path.Combine(folder, "tls.key"));
        await File.WriteAllTextAsync(chain, certificate.ExportCertificatePem());
        await File.WriteAllTextAsync(key, certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        // The shell only redirects: exec keeps the process id, and a file holds no pipe open. Datastores are made below TMPDIR.
        var start = new ProcessStartInfo("/bin/sh",
        [
            "-c", "log=$1; shift; exec \"$@\" >\"$log\" 2>&1 </dev/null", "sh", Path.Combine(folder, "log"), program,
            "-l", "127.0.0.1:0", "-dc", "1", "-cluster", "1", "-host", "3", "-standalone-host", "0", "-vm", "0", "-ds", "2", "-pool", "1", "-pg", "1",
            "-username", User, "-password", Password, "-tlscert", chain, "-tlskey", key,
        ]);
        start.Environment["TMPDIR"] = folder;
        var process = Process.Start(start) ?? throw new InvalidOperationException($"{program} doesn't start.");
        var address = new Uri("https://127.0.0.1/");
        var vcsim = new Vcsim(process, folder, address, authority, certificate);
        try
        {
            for (var i = 0; ; i++)
            {
                if (vcsim.Port() is { } port)
                {
                    AppDomain.CurrentDomain.ProcessExit -= vcsim._onExit;
                    return new Vcsim(process, folder, new Uri($"https://127.0.0.1:{port}/"), authority, certificate);
                }

                if (process.HasExited || i > 600)
                    throw new InvalidOperationException($"vcsim didn't say where it listens: {vcsim.Log}");
                await Task.Delay(TimeSpan.FromMilliseconds(50));
            }
        }
        catch
        {
            await vcsim.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        AppDomain.CurrentDomain.ProcessExit -= _onExit;
        Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    // It writes: export GOVC_URL=https://user:password@127.0.0.1:40001/sdk GOVC_SIM_PID=123
    private int? Port()
    {
        const string before = "@127.0.0.1:";
        var text = Log;
        var at = text.IndexOf(before, StringComparison.Ordinal);
        var end = at < 0 ? -1 : text.IndexOf("/sdk", at, StringComparison.Ordinal);
        return end < 0 ? null : int.Parse(text.AsSpan(at + before.Length, end - at - before.Length), CultureInfo.InvariantCulture);
    }

    private void Kill()
    {
        if (!_process.HasExited)
            _process.Kill();
    }

    /// <summary>An authority and a certificate of it for loopback.</summary>
    internal static (X509Certificate2 Authority, X509Certificate2 Certificate) Certificates()
    {
        var (from, until) = (DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddYears(1));
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var authorityRequest = new CertificateRequest("CN=Tests' vCenter authority", authorityKey, HashAlgorithmName.SHA256);
        authorityRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        using var signing = authorityRequest.CreateSelfSigned(from, until);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        using var signed = request.Create(signing, from, until, RandomNumberGenerator.GetBytes(12));
        using var own = signed.CopyWithPrivateKey(key);
        // Exported and read again: a listener needs a key that isn't bound to this object.
        return (X509CertificateLoader.LoadCertificate(signing.Export(X509ContentType.Cert)), X509CertificateLoader.LoadPkcs12(own.Export(X509ContentType.Pkcs12), null));
    }
}
