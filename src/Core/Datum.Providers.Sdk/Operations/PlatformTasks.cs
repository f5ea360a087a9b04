using System.Text.Json;

namespace Datum.Providers.Sdk;

/// <summary>
/// Work that a platform names by an id: tasks. <see cref="Proxmox"/> and <see cref="VSphere"/> are ready; others say how an id is found and how
/// the task's answer reads.
/// </summary>
public sealed class PlatformTasks : OperationStyle
{
    private readonly string _name;
    private readonly Func<RestResult, string?> _id;
    private readonly Func<string, RestRequest?> _ask;
    private readonly Func<JsonElement, OperationReading> _read;

    /// <summary>Makes a style.</summary>
    /// <param name="name">See <see cref="OperationStyle.Name"/>.</param>
    /// <param name="id">Finds the task's id in the answer to a mutation; null when there is no task.</param>
    /// <param name="ask">The request about an id; null when it is none.</param>
    /// <param name="read">Reads the JSON of the task.</param>
    public PlatformTasks(string name, Func<RestResult, string?> id, Func<string, RestRequest?> ask, Func<JsonElement, OperationReading> read)
    {
        _name = name;
        _id = id;
        _ask = ask;
        _read = read;
    }

    /// <inheritdoc/>
    public override string Name => _name;

    /// <inheritdoc/>
    public override string? Find(RestResult answer, Uri endpoint) => answer.Body.IsEmpty ? null : _id(answer);

    /// <inheritdoc/>
    public override RestRequest? Ask(string data) => _ask(data);

    /// <inheritdoc/>
    public override OperationReading Read(RestResult answer, string data, bool first)
    {
        if (first)
            return OperationReading.Running();
        using var document = JsonDocument.Parse(answer.Body);
        return _read(document.RootElement);
    }

    /// <summary>
    /// Proxmox VE: a UPID in <c>data</c>, asked for at the node that it names. <c>exitstatus</c> OK and WARNINGS are success; anything else is the
    /// error's text.
    /// </summary>
    public static PlatformTasks Proxmox() => new("upid",
        answer => JsonText.Find(answer.Body, "data") is { } data && data.StartsWith("UPID:", StringComparison.Ordinal) ? data : null,
        upid => upid.Split(':') is ["UPID", { Length: > 0 } node, _, _, _, _, ..] && node.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.')
            ? RestRequest.Get($"nodes/{node}/tasks/{Uri.EscapeDataString(upid)}/status")
            : null,
        json =>
        {
            var exit = JsonText.Find(json, "data", "exitstatus");
            return JsonText.Find(json, "data", "status") switch
            {
                "running" => OperationReading.Running(JsonText.Find(json, "data", "type")),
                "stopped" when exit is "OK" || exit?.StartsWith("WARNINGS", StringComparison.Ordinal) == true => OperationReading.Succeeded,
                // Ended without a word: the resource tells.
                "stopped" when exit is null or "unexpected status" => OperationReading.Unknown,
                "stopped" => OperationReading.Failed(new ErrorDetail { Message = exit }),
                _ => OperationReading.Unknown,
            };
        });

    /// <summary>vCenter's VI JSON: a reference of type Task; its faults are codes, the causes' too. Tasks are forgotten ten minutes after their end.</summary>
    /// <param name="release">The API release in paths, e.g. <c>8.0.1.0</c>.</param>
    public static PlatformTasks VSphere(string release) => new("vitask",
        answer => JsonText.Find(answer.Body, "type") == "Task" ? JsonText.Find(answer.Body, "value") : null,
        id => id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_') ? RestRequest.Get($"sdk/vim25/{release}/Task/{id}/info") : null,
        json => JsonText.Find(json, "state") switch
        {
            "queued" => OperationReading.Running("queued"),
            "running" => OperationReading.Running(JsonText.Find(json, "progress") is { } percent ? $"{percent} %" : null),
            "success" => OperationReading.Succeeded,
            "error" => OperationReading.Failed(Fault(json)),
            _ => OperationReading.Unknown,
        });

    private static ErrorDetail Fault(JsonElement json)
    {
        var codes = ImmutableArray.CreateBuilder<string>();
        string? message = null;
        if (JsonText.TryDescend(json, ["error"], out var localized))
        {
            message = JsonText.Find(localized, "localizedMessage");
            // The fault itself first, then what it was caused by; the bound is against a reference to itself.
            for (var depth = 0; depth < 8 && JsonText.TryDescend(localized, ["fault"], out var fault); depth++)
            {
                if (JsonText.Find(fault, "_typeName") is { } type)
                    codes.Add(type);
                if (!JsonText.TryDescend(fault, ["faultCause"], out localized))
                    break;
                message ??= JsonText.Find(localized, "localizedMessage");
            }
        }

        return new ErrorDetail { Code = codes.Count > 0 ? codes[0] : null, Codes = codes.ToImmutable(), Message = message };
    }
}
