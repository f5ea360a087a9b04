using System.Text;
using Datum.Providers.Engine;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Host.Composition;

/// <summary>Reads credentials from a Secret in the host's own namespace, a file or folder, or the environment. Values never leave the result (law L12).</summary>
internal sealed class CredentialSource(HomePlane home) : ICredentialSource
{
    private static readonly Dictionary<string, ReadOnlyMemory<byte>> Nothing = [];

    public async ValueTask<IReadOnlyDictionary<string, ReadOnlyMemory<byte>>> ReadAsync(ProviderConfig config, CancellationToken cancellation)
    {
        var credentials = config.Spec.Credentials;
        var at = $"ProviderConfig {config.Metadata.Name}: spec.credentials";
        switch (credentials?.Source ?? CredentialsSource.None)
        {
            case CredentialsSource.None or CredentialsSource.InjectedIdentity:
                return Nothing;

            case CredentialsSource.Secret:
                if (credentials!.SecretRef?.Name is not { Length: > 0 } name)
                    throw new CredentialsException($"{at}.secretRef.name is missing.");
                var secret = await SecretAsync(name, at, cancellation)
                    ?? throw new CredentialsException($"{at}.secretRef: Secret {home.Namespace}/{name} doesn't exist. Create it there, or correct the name.");
                return (secret.Data ?? []).ToDictionary(p => p.Key, p => (ReadOnlyMemory<byte>)p.Value, StringComparer.Ordinal);

            case CredentialsSource.File:
                if (credentials!.File?.Path is not { Length: > 0 } path)
                    throw new CredentialsException($"{at}.file.path is missing.");
                return await FromFilesAsync(path, at, cancellation);

            case CredentialsSource.Environment:
                if (credentials!.Environment?.Prefix is not { Length: > 0 } prefix)
                    throw new CredentialsException($"{at}.environment.prefix is missing.");
                return FromEnvironment(prefix);

            default:
                throw new CredentialsException($"{at}.source '{credentials!.Source}' is none of Secret, File, Environment, InjectedIdentity, None.");
        }
    }

    private async Task<Secret?> SecretAsync(string name, string at, CancellationToken cancellation)
    {
        try
        {
            return await home.Client.FindAsync(Core.Secrets, new ObjectKey(home.Namespace, name), cancellation);
        }
        catch (KubernetesException e) when (e.Code == 403)
        {
            throw new CredentialsException($"{at}.secretRef: the host's user may not get Secret {home.Namespace}/{name}. Grant it get on secrets in namespace {home.Namespace}.");
        }
        catch (KubernetesException e) when (e.Reason == "Unreadable")
        {
            // The decoder's reason may quote what it couldn't read (law L12).
            throw new CredentialsException($"{at}.secretRef: Secret {home.Namespace}/{name} can't be read: a value of its data isn't base64.");
        }
    }

    private static async Task<Dictionary<string, ReadOnlyMemory<byte>>> FromFilesAsync(string path, string at, CancellationToken cancellation)
    {
        try
        {
            var files = Directory.Exists(path) ? Directory.GetFiles(path) : [path];
            var values = new Dictionary<string, ReadOnlyMemory<byte>>(StringComparer.Ordinal);
            foreach (var file in files)
                values[Path.GetFileName(file)] = await File.ReadAllBytesAsync(file, cancellation);
            return values;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CredentialsException($"{at}.file.path: {e.Message}");
        }
    }

    private static Dictionary<string, ReadOnlyMemory<byte>> FromEnvironment(string prefix)
    {
        var values = new Dictionary<string, ReadOnlyMemory<byte>>(StringComparer.Ordinal);
        foreach (System.Collections.DictionaryEntry variable in Environment.GetEnvironmentVariables())
            if (variable.Key is string key && key.StartsWith(prefix, StringComparison.Ordinal) && variable.Value is string value)
                values[key[prefix.Length..]] = Encoding.UTF8.GetBytes(value);
        return values;
    }
}
