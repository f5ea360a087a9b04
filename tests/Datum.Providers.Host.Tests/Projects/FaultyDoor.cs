using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Host.Tests.Projects;

/// <summary>What a project's plane does to those who ask it.</summary>
internal enum DoorFault
{
    None,

    /// <summary>Takes the request and never answers; what is open stays silent.</summary>
    Hangs,

    /// <summary>Answers 500.</summary>
    Breaks,

    /// <summary>Answers as if the caller were nobody.</summary>
    Refuses,
}

/// <summary>A reverse proxy on loopback before a front door, with a fault for each project.</summary>
internal sealed class FaultyDoor : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly HttpMessageInvoker _behind;
    private readonly CancellationTokenSource _stop = new();

    private FaultyDoor(WebApplication app, HttpMessageInvoker behind) => (_app, _behind) = (app, behind);

    public ConcurrentDictionary<string, DoorFault> Faults { get; } = new(StringComparer.Ordinal);

    /// <summary>Method and project of each request that was let through to a project's plane.</summary>
    public ConcurrentQueue<(string Method, string Project)> Passed { get; } = new();

    public Uri Address { get; private set; } = null!;

    public static async Task<FaultyDoor> StartAsync(Uri behind)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(k =>
        {
            k.Limits.MaxRequestBodySize = null;
            k.Listen(IPAddress.Loopback, 0, l => l.Protocols = HttpProtocols.Http1);
        });
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.FromSeconds(1));
        builder.Logging.ClearProviders();
        var app = builder.Build();
#pragma warning disable CA5359 // Its certificate is its own, and it is on loopback.
        var door = new FaultyDoor(app, new HttpMessageInvoker(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false, SslOptions = new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = (_, _, _, _) => true } }));
#pragma warning restore CA5359
        app.Run(context => door.PassAsync(context, behind));
        await app.StartAsync();
        door.Address = new Uri(app.Urls.Single());
        return door;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _app.StopAsync();
        await _app.DisposeAsync();
        _behind.Dispose();
        _stop.Dispose();
    }

    private async Task PassAsync(HttpContext context, Uri behind)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, _stop.Token);
        var parts = context.Request.Path.Value!.Split('/');
        // /apis/GROUP/VERSION/projects/NAME/control-plane/...
        var project = parts.Length > 6 && parts[4] == "projects" && parts[6] == "control-plane" ? parts[5] : null;
        try
        {
            switch (Fault(project))
            {
                case DoorFault.Hangs:
                    await HangAsync(context, project, ended.Token);
                    return;
                case DoorFault.Breaks:
                    context.Response.StatusCode = 500;
                    return;
                case DoorFault.Refuses:
                    context.Response.StatusCode = 403;
                    context.Response.ContentType = "application/json";
                    await context.Response.WriteAsync("""{"kind":"Status","message":"forbidden: User \"system:anonymous\" cannot get path","reason":"Forbidden","code":403}""", ended.Token);
                    return;
            }
            if (project is not null)
                Passed.Enqueue((context.Request.Method, project));
            using var request = new HttpRequestMessage(new HttpMethod(context.Request.Method), new Uri(behind, context.Request.Path.Value + context.Request.QueryString.Value)) { Version = HttpVersion.Version11 };
            if (context.Request.ContentLength is not null || context.Request.Headers.TransferEncoding.Count > 0)
                request.Content = new StreamContent(context.Request.Body);
            foreach (var header in context.Request.Headers.Where(h => h.Key is not ("Host" or "Connection" or "Transfer-Encoding")))
                if (!request.Headers.TryAddWithoutValidation(header.Key, header.Value.AsEnumerable()))
                    request.Content?.Headers.TryAddWithoutValidation(header.Key, header.Value.AsEnumerable());
            using var response = await _behind.SendAsync(request, ended.Token);
            context.Response.StatusCode = (int)response.StatusCode;
            foreach (var header in response.Headers.Concat(response.Content.Headers).Where(h => h.Key is not ("Transfer-Encoding" or "Connection")))
                context.Response.Headers[header.Key] = header.Value.ToArray();
            // A watch's headers come before its first event.
            await context.Response.StartAsync(ended.Token);
            await using var body = await response.Content.ReadAsStreamAsync(ended.Token);
            var buffer = new byte[16 << 10];
            while (await body.ReadAsync(buffer, ended.Token) is var read and > 0)
            {
                // What hangs is silent on open watches too.
                if (Fault(project) is DoorFault.Hangs)
                {
                    await HangAsync(context, project, ended.Token);
                    return;
                }
                await context.Response.Body.WriteAsync(buffer.AsMemory(0, read), ended.Token);
                await context.Response.Body.FlushAsync(ended.Token);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or HttpRequestException or IOException)
        {
            context.Abort();
        }
    }

    /// <summary>Silent while it lasts; what hung is broken off at its end.</summary>
    private async Task HangAsync(HttpContext context, string? project, CancellationToken ended)
    {
        while (Fault(project) is DoorFault.Hangs)
            await Task.Delay(20, ended);
        context.Abort();
    }

    private DoorFault Fault(string? project) => project is null ? DoorFault.None : Faults.GetValueOrDefault(project);
}
