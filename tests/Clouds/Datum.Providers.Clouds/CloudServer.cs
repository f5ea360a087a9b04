using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Clouds;

/// <summary>Serves a double on loopback.</summary>
public sealed class CloudServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private X509Certificate2? _own;

    private CloudServer(WebApplication app, Uri address)
    {
        _app = app;
        Address = address;
    }

    /// <summary>Where it listens.</summary>
    public Uri Address { get; }

    /// <summary>The certificate that it shows; null over plain HTTP.</summary>
    public X509Certificate2? Certificate { get; private init; }

    /// <summary>
    /// Listens on 127.0.0.1; port 0 takes a free one. Over HTTPS with <paramref name="certificate"/>, or with one that it signs itself where only
    /// <paramref name="tls"/> is asked for.
    /// </summary>
    public static async Task<CloudServer> StartAsync(ICloud cloud, int port = 0, bool tls = false, X509Certificate2? certificate = null)
    {
        var own = certificate is null && tls ? SignItself() : null;
        certificate ??= own;
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(options =>
        {
            options.AddServerHeader = false;
            options.Limits.MaxRequestBodySize = null;
            options.Listen(IPAddress.Loopback, port, listen =>
            {
                // HTTP/2 has no words beside the status, and platforms whose words matter don't speak it.
                listen.Protocols = HttpProtocols.Http1;
                if (certificate is not null)
                    listen.UseHttps(certificate);
            });
        });
        var app = builder.Build();
        app.Run(context => AnswerAsync(cloud, context));
        await app.StartAsync();
        var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        return new CloudServer(app, new Uri(address)) { Certificate = certificate, _own = own };
    }

    /// <summary>Until the process is asked to end (Ctrl-C, SIGTERM).</summary>
    public Task WaitForShutdownAsync() => _app.WaitForShutdownAsync();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        // One that it was given may serve others too.
        _own?.Dispose();
    }

    private static X509Certificate2 SignItself()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
    }

    private static async Task AnswerAsync(ICloud cloud, HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        // The raw target keeps escaped slashes and colons apart from plain ones.
        var target = context.Features.Get<IHttpRequestFeature>()?.RawTarget ?? context.Request.Path;
        var question = target.IndexOf('?', StringComparison.Ordinal);
        var asked = new CloudRequest
        {
            Method = context.Request.Method,
            Path = question < 0 ? target : target[..question],
            Query = CloudRequest.ParseQuery(question < 0 ? "" : target[question..]),
            Headers = [.. context.Request.Headers.SelectMany(h => h.Value.Select(v => new KeyValuePair<string, string>(h.Key, v ?? "")))],
            Body = body.ToArray(),
            Authority = $"{context.Request.Scheme}://{context.Request.Host}",
        };
        CloudResponse answer;
        try
        {
            answer = cloud.Handle(asked);
        }
        catch (CloudBrokenException e)
        {
            if (e.Hangs)
                await Task.Delay(Timeout.Infinite, context.RequestAborted);
            context.Abort();
            return;
        }

        context.Response.StatusCode = answer.Status;
        if (answer.ReasonPhrase is { } words && context.Features.Get<IHttpResponseFeature>() is { } response)
            response.ReasonPhrase = words;
        foreach (var (name, value) in answer.Headers)
            context.Response.Headers.Append(name, value);
        if (answer.Status == 204)
            return;
        context.Response.ContentType = answer.ContentType;
        context.Response.ContentLength = answer.Body.Length;
        await context.Response.Body.WriteAsync(answer.Body, context.RequestAborted);
    }
}
