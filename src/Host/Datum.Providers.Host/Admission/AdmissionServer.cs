using System.Net;
using System.Text.Json;
using Datum.Providers.Host.Composition;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Host.Admission;

/// <summary>Where the webhook listens.</summary>
public sealed record WebhookSettings
{
    /// <summary>Address and port; port 0 takes a free one.</summary>
    public required IPEndPoint Listen { get; init; }

    /// <summary>PEM: the certificate, then those of its authorities up to the root.</summary>
    public required string CertificateFile { get; init; }

    /// <summary>PEM, without a password.</summary>
    public required string KeyFile { get; init; }
}

/// <summary>The webhook's https server: <c>POST /validate</c>, <c>GET /readyz</c> and <c>/livez</c>. Its certificate is read anew when its files change.</summary>
internal sealed partial class AdmissionServer : IAsyncDisposable
{
    /// <summary>Object and former object, each as large as a server takes one, and what is around them.</summary>
    public const int MaxBody = 7 << 20;

    /// <summary>Below the three seconds that a server is told to wait.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(2.5);

    private const int MostAtOnce = 64;

    private readonly WebApplication _app;
    private readonly ServingCertificate _certificate;

    private AdmissionServer(WebApplication app, ServingCertificate certificate) => (_app, _certificate) = (app, certificate);

    /// <summary>Where it listens, with the port that was found.</summary>
    public Uri Address => new(_app.Urls.Single());

    /// <param name="ready">Whether the caches are filled.</param>
    /// <exception cref="IOException">The address is taken or not of this machine.</exception>
    /// <exception cref="HostStartException">The certificate can't be read.</exception>
    public static async Task<AdmissionServer> StartAsync(WebhookSettings settings, AdmissionDesk desk, Func<bool> ready, ILoggerFactory logging, TimeProvider time, CancellationToken cancellation)
    {
        var logger = logging.CreateLogger<AdmissionServer>();
        var certificate = ServingCertificate.Open(settings, logging.CreateLogger<ServingCertificate>());
        try
        {
            var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
            // Kestrel's own words would be lost otherwise, and its bodies are never among them.
            builder.Services.AddSingleton(logging);
            builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
            {
                kestrel.AddServerHeader = false;
                kestrel.Limits.MaxRequestBodySize = MaxBody;
                kestrel.Limits.MaxConcurrentConnections = 4 * MostAtOnce;
                kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(5);
                kestrel.Listen(settings.Listen, listen =>
                {
                    listen.Protocols = HttpProtocols.Http1AndHttp2;
                    listen.UseHttps(https => https.ServerCertificateSelector = (_, _) => certificate.Current());
                });
            });
            var app = builder.Build();
            var desks = new SemaphoreSlim(MostAtOnce);
            app.Run(context => HandleAsync(context, desk, ready, desks, time, logger));
            await app.StartAsync(cancellation);
            var server = new AdmissionServer(app, certificate);
            LogListening(logger, server.Address);
            return server;
        }
        catch
        {
            certificate.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _certificate.Dispose();
    }

    private static async Task HandleAsync(HttpContext context, AdmissionDesk desk, Func<bool> ready, SemaphoreSlim desks, TimeProvider time, ILogger logger)
    {
        var (method, path) = (context.Request.Method, context.Request.Path.Value);
        if (method == "GET" && path is "/livez" or "/readyz")
        {
            context.Response.StatusCode = path == "/livez" || ready() ? 200 : 503;
            await context.Response.WriteAsync(context.Response.StatusCode == 200 ? "ok" : "the caches aren't filled yet");
            return;
        }
        if (path != "/validate" || method != "POST")
        {
            context.Response.StatusCode = path == "/validate" ? 405 : 404;
            return;
        }
        // Who comes while all are busy is sent away at once: the server then goes on without an answer.
        if (!desks.Wait(0, CancellationToken.None))
        {
            context.Response.StatusCode = 429;
            return;
        }
        try
        {
            await ReviewAsync(context, desk, time, logger);
        }
        finally
        {
            desks.Release();
        }
    }

    private static async Task ReviewAsync(HttpContext context, AdmissionDesk desk, TimeProvider time, ILogger logger)
    {
        using var limit = new CancellationTokenSource(Limit, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, context.RequestAborted);
        AdmissionRequest? request = null;
        try
        {
            var review = await JsonSerializer.DeserializeAsync(context.Request.Body, AdmissionJson.Default.AdmissionReview, both.Token);
            if (review is not { ApiVersion: AdmissionReview.Version, Request: { Uid.Length: > 0 } asked })
            {
                context.Response.StatusCode = 400;
                await context.Response.WriteAsync($"an AdmissionReview of {AdmissionReview.Version} with a request is needed", context.RequestAborted);
                return;
            }
            request = asked;
            await WriteAsync(context, await desk.AnswerAsync(asked, both.Token));
        }
        catch (JsonException)
        {
            context.Response.StatusCode = 400;
            await context.Response.WriteAsync("the body isn't an AdmissionReview", context.RequestAborted);
        }
        catch (Microsoft.AspNetCore.Http.BadHttpRequestException e)
        {
            context.Response.StatusCode = e.StatusCode;
        }
        catch (OperationCanceledException) when (!context.RequestAborted.IsCancellationRequested && request is not null)
        {
            LogLate(logger, request.Namespace ?? "", request.Name ?? "");
            await WriteAsync(context, new AdmissionResponse { Uid = request.Uid, Allowed = true, Warnings = ["datum-providers: not everything could be checked in time; the host looks again before it acts"] });
        }
        catch (OperationCanceledException)
        {
            context.Response.StatusCode = 408;
        }
        catch (Exception e) when (e is not IOException)
        {
            // A defect here must not stop anybody's work.
            LogFailed(logger, request?.Namespace ?? "", request?.Name ?? "", e.GetType().Name);
            context.Response.StatusCode = 500;
        }
    }

    private static async Task WriteAsync(HttpContext context, AdmissionResponse response)
    {
        context.Response.ContentType = "application/json";
        await JsonSerializer.SerializeAsync(context.Response.Body, new AdmissionReview { ApiVersion = AdmissionReview.Version, Kind = "AdmissionReview", Response = response }, AdmissionJson.Default.AdmissionReview, context.RequestAborted);
    }

    [LoggerMessage(EventId = 1403, Level = LogLevel.Information, Message = "The admission webhook listens on {Address}")]
    private static partial void LogListening(ILogger logger, Uri address);

    [LoggerMessage(EventId = 1404, Level = LogLevel.Warning, Message = "{Namespace}/{Name} wasn't checked in time by the webhook and was let through")]
    private static partial void LogLate(ILogger logger, string @namespace, string name);

    [LoggerMessage(EventId = 1405, Level = LogLevel.Error, Message = "The webhook failed on {Namespace}/{Name}, which goes on unchecked: {Fault}")]
    private static partial void LogFailed(ILogger logger, string @namespace, string name, string fault);
}
