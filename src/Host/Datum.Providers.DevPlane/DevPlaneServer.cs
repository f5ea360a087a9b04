using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Datum.Providers.DevPlane;

/// <summary>A small Kubernetes-compatible API server on loopback. It learns kinds from CustomResourceDefinitions alone.</summary>
public sealed class DevPlaneServer : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly Plane core;
    private readonly PlaneDirectory? directory;
    private readonly TokenBook book;
    private readonly PlaneToken token;
    private readonly X509Certificate2 certificate;
    private bool disposed;

    private DevPlaneServer(WebApplication app, Plane core, PlaneDirectory? directory, TokenBook book, PlaneToken token, X509Certificate2 certificate, Uri address)
    {
        (this.app, this.core, this.directory, this.book, this.token, this.certificate, Address) = (app, core, directory, book, token, certificate, address);
    }

    /// <summary>Base address: https on loopback.</summary>
    public Uri Address { get; }

    /// <summary>The certificate (PEM, no key) that clients have to trust.</summary>
    public string CertificatePem => certificate.ExportCertificatePem();

    public int Port => Address.Port;

    /// <summary>Requests to the core plane.</summary>
    public IPlaneCounters Counters => core.Counters;

    /// <summary>Opens the state and listens.</summary>
    /// <exception cref="ArgumentException">The host isn't a loopback address.</exception>
    /// <exception cref="PlaneStateException">The state file is damaged; the message names file and offset.</exception>
    /// <exception cref="IOException">The state folder is in use, the port is taken, or the token file can't be read or others may read it.</exception>
    /// <exception cref="FormatException">The token file isn't one; the message names the field.</exception>
    public static async Task<DevPlaneServer> StartAsync(DevPlaneOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var address = Loopback(options.Host);
        IReadOnlyList<PlaneToken> tokens = options.Tokens.Count > 0
            ? options.Tokens
            : [new PlaneToken { Token = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24)) }];
        if (tokens.Any(t => string.IsNullOrWhiteSpace(t.Token))) throw new ArgumentException("A token is empty.", nameof(options));
        var logger = options.LoggerFactory.CreateLogger("Datum.Providers.DevPlane");
        // What was begun is taken down again where a later step fails.
        var undo = new Stack<IAsyncDisposable>();
        try
        {
            var book = new TokenBook(tokens, options.FrontDoor, options.TimeProvider, logger);
            undo.Push(new Undo(book));
            var core = await Plane.OpenAsync(options, options.StatePath, new KindRegistry(), new CoreAuthority(book), logger);
            undo.Push(core);
            var certificate = ServerCertificate.Load(options.StatePath, options.TimeProvider);
            undo.Push(new Undo(certificate));
            var app = Build(options, address, certificate);
            undo.Push(app);
            Uri? bound = null;
            PlaneDirectory? directory = null;
            if (options.FrontDoor is { } door)
            {
                directory = new PlaneDirectory(options, door, core, logger);
                undo.Push(directory);
                var assertions = new Assertions(book, () => Names(bound), options.TimeProvider);
                app.Run(new FrontDoor(door.Kinds, core, directory, book, new OAuthEndpoints(door, book, assertions)).HandleAsync);
            }
            else
            {
                app.Run(core.Server.HandleAsync);
            }

            // The collector asks the directory whether other planes hold objects of a definition: they are opened before it starts.
            if (directory is not null) await directory.StartAsync();
            core.Collector.Start();
            await app.StartAsync(cancellationToken);
            bound = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
            var writer = tokens.FirstOrDefault(t => t.Access == PlaneAccess.Write) ?? tokens[0];
            return new DevPlaneServer(app, core, directory, book, writer, certificate, bound);
        }
        catch (Exception e)
        {
            while (undo.TryPop(out var begun)) await begun.DisposeAsync();
            // What the state can't give any more is the caller's to tell, in one sentence.
            if (e is ApiError or InvalidDataException) throw new PlaneStateException($"The embedded plane can't start from '{options.StatePath}': {e.Message}");
            throw;
        }
    }

    /// <summary>Writes a kubeconfig (mode 0600) for the first token with write access and returns its full path.</summary>
    public string WriteKubeconfig(string path)
    {
        var full = Path.GetFullPath(path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        var text = $$"""
            apiVersion: v1
            kind: Config
            current-context: datum-dev
            clusters:
            - name: datum-dev
              cluster:
                server: {{Address.GetLeftPart(UriPartial.Authority)}}
                certificate-authority-data: {{Convert.ToBase64String(Encoding.UTF8.GetBytes(CertificatePem))}}
            users:
            - name: {{JsonText.Quote(token.User)}}
              user:
                token: {{JsonText.Quote(token.Token)}}
            contexts:
            - name: datum-dev
              context:
                cluster: datum-dev
                user: {{JsonText.Quote(token.User)}}
                namespace: default

            """;
        // Written beside and renamed: a reader never sees half of it, and the mode is right from the first byte.
        var fresh = full + ".new";
        File.Delete(fresh);
        var how = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) how.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (var stream = new FileStream(fresh, how)) stream.Write(Encoding.UTF8.GetBytes(text));
        File.Move(fresh, full, overwrite: true);
        return full;
    }

    public async ValueTask DisposeAsync()
    {
        if (disposed) return;
        disposed = true;
        // Watches end first, else the web server waits for them.
        core.Store.EndWatches(null);
        directory?.EndWatches();
        await app.StopAsync();
        await app.DisposeAsync();
        if (directory is not null) await directory.DisposeAsync();
        await core.DisposeAsync();
        book.Dispose();
        certificate.Dispose();
    }

    /// <summary>What an assertion may call this server: the scheme and authority that its clients know.</summary>
    private static HashSet<string> Names(Uri? bound) => bound is null ? [] : [bound.GetLeftPart(UriPartial.Authority), $"{bound.Scheme}://localhost:{bound.Port}"];

    private static IPAddress Loopback(string host)
    {
        var address = host == "localhost" ? IPAddress.Loopback : IPAddress.TryParse(host, out var parsed) ? parsed : null;
        if (address is not null && IPAddress.IsLoopback(address)) return address;
        throw new ArgumentException($"The embedded plane binds to loopback only and refuses '{host}': it has no roles and keeps secrets in plain files.", nameof(host));
    }

    private static WebApplication Build(DevPlaneOptions options, IPAddress address, X509Certificate2 certificate)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton<Microsoft.Extensions.Logging.ILoggerFactory>(new QuietLoggerFactory(options.LoggerFactory));
        // The plane lives inside another program: signals and start-up messages are that program's.
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = 4 << 20;
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Listen(address, options.Port, listen => listen.UseHttps(certificate));
        });
        return builder.Build();
    }

    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    private sealed class Undo(IDisposable begun) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            begun.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
