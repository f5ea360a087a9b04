using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Datum.Providers.Host.Composition;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Host.Admission;

/// <summary>The certificate of two PEM files, read anew for the first connection after one of them has changed. A pair that doesn't fit leaves the last one in use.</summary>
internal sealed partial class ServingCertificate : IDisposable
{
    private readonly WebhookSettings _settings;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private X509Certificate2 _current;
    private string _version;

    private ServingCertificate(WebhookSettings settings, ILogger logger, X509Certificate2 current, string version) =>
        (_settings, _logger, _current, _version) = (settings, logger, current, version);

    /// <exception cref="HostStartException">A file is missing or isn't what it should be.</exception>
    public static ServingCertificate Open(WebhookSettings settings, ILogger logger)
    {
        try
        {
            var version = VersionOf(settings);
            return new ServingCertificate(settings, logger, Load(settings), version);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new HostStartException($"The webhook's certificate can't be read from {settings.CertificateFile} and {settings.KeyFile}: {e.Message} Both are PEM files, the key without a password.", e);
        }
    }

    public X509Certificate2 Current()
    {
        lock (_lock)
        {
            try
            {
                if (VersionOf(_settings) is var version && version != _version)
                {
                    // Told once for each content, and looked at again when the second file has followed.
                    _version = version;
                    // The former one may still be in use by a handshake: it is left to the collector.
                    _current = Load(_settings);
                    var end = _current.NotAfter.ToUniversalTime();
                    LogRotated(_logger, end);
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
            {
                LogKept(_logger, e.Message);
            }
            return _current;
        }
    }

    public void Dispose() => _current.Dispose();

    // A Secret's files are links that are switched: time and size of what they lead to.
    private static string VersionOf(WebhookSettings settings) => string.Join('|', new[] { settings.CertificateFile, settings.KeyFile }
        .Select(f => new FileInfo(File.ResolveLinkTarget(f, returnFinalTarget: true)?.FullName ?? f)).Select(f => $"{f.FullName} {f.LastWriteTimeUtc.Ticks} {f.Length}"));

    private static X509Certificate2 Load(WebhookSettings settings) => X509Certificate2.CreateFromPemFile(settings.CertificateFile, settings.KeyFile);

    [LoggerMessage(EventId = 1406, Level = LogLevel.Information, Message = "The webhook's certificate was read anew; it holds until {End:u}")]
    private static partial void LogRotated(ILogger logger, DateTime end);

    [LoggerMessage(EventId = 1407, Level = LogLevel.Warning, Message = "The webhook's new certificate can't be read, the last one stays in use: {Reason}")]
    private static partial void LogKept(ILogger logger, string reason);
}
