using System.Globalization;
using System.Text;

namespace Datum.Providers.Sdk;

/// <summary>
/// The environment of a container. No value stands on a command line: one-line values go into files that podman reads line by line, others
/// become podman secrets of type env, which take any text.
/// </summary>
internal static class GuestEnvironment
{
    /// <summary>podman's scanner takes lines of less than 64 KiB.</summary>
    private const int LineBytes = 60_000;

    /// <summary>podman's own limit of a secret.</summary>
    private const int ValueBytes = 500_000;

    private sealed record Value(ReadOnlyMemory<byte> Bytes, bool Secret, string Source);

    public static string SourceOf(ContainerSpec container) => $"the environment of container '{container.Name}'";

    public static void Add(GuestPlan plan, ContainerSpec container, string path, StringBuilder script, StringBuilder run)
    {
        var values = new SortedDictionary<string, Value>(StringComparer.Ordinal);
        foreach (var variable in container.Environment)
            Collect(plan, variable, $"{path}.env[{GuestFiles.Shown(variable.Name)}]", values);

        var plain = new MemoryStream();
        var secret = new MemoryStream();
        var number = 0;
        foreach (var (name, value) in values)
        {
            plan.Weigh(value.Source, name.Length + value.Bytes.Length, value.Secret);
            if (value.Bytes.Length <= LineBytes && value.Bytes.Span.IndexOfAny((byte)'\n', (byte)'\r') < 0)
            {
                var file = value.Secret ? secret : plain;
                file.Write(Encoding.UTF8.GetBytes(name));
                file.WriteByte((byte)'=');
                file.Write(value.Bytes.Span);
                file.WriteByte((byte)'\n');
                continue;
            }
            var relative = string.Create(CultureInfo.InvariantCulture, $"env/{container.Name}.d/{number}");
            var stored = string.Create(CultureInfo.InvariantCulture, $"datum-{container.Name}-{number}");
            number++;
            if (value.Secret)
                plan.AddSecret(relative, value.Bytes, SourceOf(container));
            else
                plan.AddPrivate($"{GuestPlan.Folder}/{relative}", value.Bytes, SourceOf(container));
            script.Append(CultureInfo.InvariantCulture, $"podman secret rm {stored} >/dev/null 2>&1 || true\n");
            script.Append(CultureInfo.InvariantCulture, $"podman secret create {stored} {(value.Secret ? GuestPlan.SecretFolder : GuestPlan.Folder)}/{relative} >/dev/null\n");
            run.Append(CultureInfo.InvariantCulture, $" --secret {stored},type=env,target={name}");
        }
        if (plain.Length > 0)
        {
            plan.AddPrivate($"{GuestPlan.Folder}/env/{container.Name}.env", plain.ToArray(), SourceOf(container));
            run.Append(CultureInfo.InvariantCulture, $" --env-file {GuestPlan.Folder}/env/{container.Name}.env");
        }
        if (secret.Length > 0)
        {
            plan.AddSecret($"env/{container.Name}.env", secret.ToArray(), SourceOf(container));
            run.Append(CultureInfo.InvariantCulture, $" --env-file {GuestPlan.SecretFolder}/env/{container.Name}.env");
        }
    }

    /// <summary>A later variable replaces an earlier one of the same name, whichever way it is given.</summary>
    private static void Collect(GuestPlan plan, EnvironmentVariable variable, string path, SortedDictionary<string, Value> values)
    {
        if ((variable.Value is null ? 0 : 1) + (variable.From is null ? 0 : 1) + (variable.AllOf is null ? 0 : 1) > 1)
        {
            plan.Refuse(path, "A variable has one of a value, a key and a whole payload.");
        }
        else if (variable.AllOf is { } all)
        {
            var contents = Contents(plan, all, all.Optional, path);
            if (contents is null)
                return;
            foreach (var (key, bytes) in contents.OrderBy(c => c.Key, StringComparer.Ordinal))
                Set(plan, variable.Name + key, new Value(bytes, all.Secret, GuestPlan.SourceOf(all)), $"{path}.allOf[{GuestFiles.Shown(key)}]", values);
        }
        else if (variable.From is { } from)
        {
            var optional = from.Optional || from.Payload.Optional;
            var contents = Contents(plan, from.Payload, optional, path);
            if (contents is null)
                return;
            if (contents.TryGetValue(from.Key, out var bytes))
                Set(plan, variable.Name, new Value(bytes, from.Payload.Secret, GuestPlan.SourceOf(from.Payload)), path, values);
            else if (!optional)
                plan.Refuse($"{path}.from.key", $"There is no key '{GuestFiles.Shown(from.Key)}' in {GuestPlan.SourceOf(from.Payload)}.");
        }
        else if (!GuestText.IsText(variable.Value ?? ""))
        {
            plan.Refuse($"{path}.value", "The value isn't Unicode text.");
        }
        else
        {
            Set(plan, variable.Name, new Value(Encoding.UTF8.GetBytes(variable.Value ?? ""), Secret: false, GuestPlan.Own), path, values);
        }
    }

    private static ImmutableDictionary<string, ReadOnlyMemory<byte>>? Contents(GuestPlan plan, PayloadReference payload, bool optional, string path)
    {
        var contents = plan.Payloads.Find(payload);
        if (contents is null && !optional)
            plan.Refuse(path, $"There is no {GuestPlan.SourceOf(payload)}.");
        return contents;
    }

    private static void Set(GuestPlan plan, string name, Value value, string path, SortedDictionary<string, Value> values)
    {
        if (name.Length is 0 or > 1024 || char.IsAsciiDigit(name[0]) || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.'))
            plan.Refuse(path, $"'{GuestFiles.Shown(name)}' can't be the name of a variable: A-Z, a-z, 0-9 and _-. without a digit in front.");
        else if (Unfit(value.Bytes) is { } reason)
            plan.Refuse(path, $"The value {reason}.");
        else
            values[name] = value;
    }

    private static string? Unfit(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Span.Contains((byte)0))
            return "holds a NUL byte; mount it as a file";
        if (bytes.Length > ValueBytes)
            return $"has {GuestText.Number(bytes.Length)} bytes and a variable takes {GuestText.Number(ValueBytes)}; mount it as a file";
        try
        {
            GuestText.Strict.GetCharCount(bytes.Span);
            return null;
        }
        catch (DecoderFallbackException)
        {
            return "isn't UTF-8 text; mount it as a file";
        }
    }
}
