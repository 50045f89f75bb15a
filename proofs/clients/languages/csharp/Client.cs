using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Threading.Tasks;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Patchbay.V1;

/// <summary>
/// Calls a Patchbay server over Connect and REST and prints what came of it, as JSON. Usage: HOST:PORT API_KEY ENDPOINT_URL
/// </summary>
class Client
{
    readonly HttpClient http;
    readonly Connect connect;
    readonly string endpointUrl;

    Client(string address, string apiKey, string endpointUrl)
    {
        http = new HttpClient { BaseAddress = new Uri("http://" + address + "/") };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", apiKey);
        connect = new Connect(http);
        this.endpointUrl = endpointUrl;
    }

    static void Main(string[] args)
    {
        // A watch holds one connection, and .NET's own limit is two.
        ServicePointManager.DefaultConnectionLimit = 10;
        Console.WriteLine(new Client(args[0], args[1], args[2]).Report().Result);
    }

    async Task<Struct> Report()
    {
        Llm slow = await Create("slow"), silent = await Create("silent"), stalling = await Create("stalling");
        return new Struct
        {
            Fields =
            {
                ["created"] = ValueOf(("id", Value.ForString(slow.LlmId)), ("labels", ValueOf(slow.Labels))),
                ["duplicate"] = await FailureOf(() => Create("slow")),
                ["listed"] = Value.ForList((await List()).Select(Value.ForString).ToArray()),
                ["streamed"] = await Stream(slow),
                ["late"] = await FailureOf(() => Chat(silent, _ => true, TimeSpan.FromMilliseconds(300))),
                ["left"] = await FailureOf(() => Leave(stalling)),
                ["watched"] = await Watch(),
            },
        };
    }

    async Task<Llm> Create(string model)
    {
        var request = new CreateLlmRequest
        {
            DisplayName = "From C#",
            ProviderType = Llm.Types.ProviderType.Vllm,
            EndpointUrl = endpointUrl,
            ModelIdentifier = model,
            Labels = { ["language"] = "C#" },
        };
        return (await connect.Call<CreateLlmResponse>("patchbay.v1.LlmService/CreateLlm", request)).Llm;
    }

    /// <summary>All ids, by pages of two, over REST.</summary>
    async Task<List<string>> List()
    {
        var ids = new List<string>();
        var token = "";
        do
        {
            var json = await http.GetStringAsync("v1/llms?pageSize=2&pageToken=" + Uri.EscapeDataString(token));
            var page = JsonParser.Default.Parse<ListLlmsResponse>(json);
            ids.AddRange(page.Llms.Select(llm => llm.LlmId));
            token = page.NextPageToken;
        } while (token != "");
        return ids;
    }

    Task Chat(Llm llm, Func<StreamChatResponse, bool> see, TimeSpan? deadline = null)
    {
        var request = new StreamChatRequest { LlmId = llm.LlmId, Message = "Hi" };
        return connect.Stream<StreamChatResponse>(
            "patchbay.v1.ChatService/StreamChat", request, message => Task.FromResult(see(message)), deadline);
    }

    /// <summary>The words of a chat, the time between the first and the last, and how it ended.</summary>
    async Task<Value> Stream(Llm llm)
    {
        var words = new List<Value>();
        var watch = new Stopwatch();
        double last = 0;
        var stopReason = Value.ForNull();
        await Chat(llm, message =>
        {
            watch.Start();
            if (message.EventCase == StreamChatResponse.EventOneofCase.TextDelta)
            {
                words.Add(Value.ForString(message.TextDelta));
                if (words.Count == 1) watch.Restart();
                last = watch.Elapsed.TotalMilliseconds;
            }
            else if (message.EventCase == StreamChatResponse.EventOneofCase.End)
            {
                stopReason = JsonOf(message.End).Fields["stopReason"];
            }
            return true;
        });
        return ValueOf(("words", Value.ForList(words.ToArray())), ("ms", Value.ForNumber(last)), ("stopReason", stopReason));
    }

    /// <summary>Leaves a chat after its first word.</summary>
    async Task Leave(Llm llm)
    {
        await Chat(llm, message => message.EventCase != StreamChatResponse.EventOneofCase.TextDelta);
        throw new OperationCanceledException();
    }

    /// <summary>Sees an Llm be made.</summary>
    async Task<Value> Watch()
    {
        Value first = null;
        string made = null, seen = null;
        await connect.Stream<WatchLlmsResponse>("patchbay.v1.LlmService/WatchLlms", new WatchLlmsRequest(), async message =>
        {
            if (first == null)
            {
                first = JsonOf(message).Fields["kind"];
                made = (await Create("watched")).LlmId;
            }
            if (message.Kind == WatchLlmsResponse.Types.Kind.Created) seen = message.LlmId;
            return seen == null;
        });
        return ValueOf(("first", first), ("made", Value.ForString(made)), ("id", Value.ForString(seen)));
    }

    /// <summary>What a call that must fail failed with, and how long it took.</summary>
    static async Task<Value> FailureOf(Func<Task> call)
    {
        var watch = Stopwatch.StartNew();
        try
        {
            await call();
        }
        catch (Exception error) when (error is ConnectException || error is OperationCanceledException)
        {
            var refusal = error as ConnectException;
            var failure = new List<(string, Value)>
            {
                ("code", Value.ForString(refusal?.Code.ToUpperInvariant() ?? "CANCELLED")),
                ("message", Value.ForString(error.Message)),
                ("ms", Value.ForNumber(watch.Elapsed.TotalMilliseconds)),
            };
            if (refusal?.Info is ErrorInfo info)
            {
                failure.Add(("reason", Value.ForString(info.Reason)));
                failure.Add(("metadata", ValueOf(info.Metadata)));
            }
            return ValueOf(failure.ToArray());
        }
        throw new Exception("the call succeeded, and should not have");
    }

    static Struct JsonOf(IMessage message)
    {
        return Struct.Parser.ParseJson(JsonFormatter.Default.Format(message));
    }

    static Value ValueOf(IDictionary<string, string> strings)
    {
        return ValueOf(strings.Select(entry => (entry.Key, Value.ForString(entry.Value))).ToArray());
    }

    static Value ValueOf(params (string, Value)[] entries)
    {
        var fields = new Struct();
        foreach (var entry in entries) fields.Fields[entry.Item1] = entry.Item2;
        return Value.ForStruct(fields);
    }
}
