"""The vendor's plugin, payment and notification modules, ported line by line."""

SERVER_MONITORING = """
import json
import socket
import time

from puqpanel.sdk import Plugin, Task, http, now
from puqpanel.sdk.compat import Client, DB, Event, Schema


class ServerMonitoring(Plugin):
    def activate(self):
        try:
            def checks(table):
                table.id()
                table.string('name')
                table.string('type')  # ping, http, port
                table.string('target')  # IP/URL to monitor
                table.json('config')  # Check-specific config
                table.integer('interval').default(60)  # seconds
                table.boolean('active').default(True)
                table.timestamps()

            def results(table):
                table.id()
                table.foreignId('check_id').constrained('monitoring_checks')
                table.boolean('status')  # up/down
                table.integer('response_time').nullable()  # milliseconds
                table.string('error_message').nullable()
                table.timestamp('checked_at')
                table.timestamps()

                table.index(['check_id', 'checked_at'])

            Schema.create('monitoring_checks', checks)
            Schema.create('monitoring_results', results)
            if not DB.table('monitoring_checks').exists():
                port = self.config('port')
                DB.table('monitoring_checks').insert({'name': 'Port', 'type': 'port', 'target': '127.0.0.1', 'config': json.dumps({'port': port})})
                DB.table('monitoring_checks').insert({'name': 'Page', 'type': 'http', 'target': self.config('url'), 'config': json.dumps({'expect': 200})})
                DB.table('monitoring_checks').insert({'name': 'Ping', 'type': 'ping', 'target': '127.0.0.1', 'config': {}})
                DB.table('monitoring_checks').insert({'name': 'Gone', 'type': 'http', 'target': self.config('url') + '/missing', 'config': json.dumps({'expect': 200})})
                DB.table('monitoring_checks').insert({'name': 'Inside', 'type': 'port', 'target': '169.254.169.254', 'config': json.dumps({'port': 80})})
                DB.table('monitoring_checks').insert({'name': 'Off', 'type': 'odd', 'target': '127.0.0.1', 'config': {}, 'active': False})

            # Schedule monitoring job
            self.scheduleMonitoringJob()

            self.logInfo('activate', 'Monitoring plugin activated successfully')

            return 'success'
        except Exception as e:
            return 'Error: ' + str(e)

    def adminSidebar(self):
        return [{'title': 'Monitoring', 'link': 'dashboard', 'active_links': ['dashboard', 'checks'], 'permission': 'monitoring-dashboard'}]

    def adminWebRoutes(self):
        return [
            {
                'method': 'get',
                'uri': 'dashboard',
                'permission': 'monitoring-dashboard',
                'name': 'dashboard',
                'controller': 'ServerMonitoringController@dashboard',
            },
            {
                'method': 'get',
                'uri': 'checks',
                'permission': 'monitoring-checks',
                'name': 'checks',
                'controller': 'ServerMonitoringController@checks',
            },
        ]

    def scheduleMonitoringJob(self):
        # Add recurring monitoring task
        data = {
            'module': self,
            'method': 'runChecks',
            'tries': 2,
            'backoff': 60,
            'timeout': 300,
            'maxExceptions': 1,
        }

        Task.add('ModuleJob', 'Module', data, ['monitoring', 'recurring'])

    def runChecks(self):
        checks = DB.table('monitoring_checks') \\
            .where('active', True) \\
            .get()

        for check in checks:
            self.executeCheck(check)

        return {'status': 'success'}

    def executeCheck(self, check):
        startTime = time.time()
        success = False
        errorMessage = None

        try:
            match check.type:
                case 'ping':
                    success = self.pingCheck(check.target)
                case 'http':
                    success = self.httpCheck(check.target, json.loads(check.config))
                case 'port':
                    success = self.portCheck(check.target, json.loads(check.config))
        except Exception as e:
            errorMessage = str(e)

        responseTime = round((time.time() - startTime) * 1000)

        DB.table('monitoring_results').insert({
            'check_id': check.id,
            'status': success,
            'response_time': responseTime,
            'error_message': errorMessage,
            'checked_at': now(),
            'created_at': now(),
            'updated_at': now(),
        })

        # Send alerts if needed
        if not success:
            self.sendAlert(check, errorMessage)

    def sendAlert(self, check, errorMessage):
        self.logError('alert', check, errorMessage)
        Event.dispatch('monitoring.check.failed', {'check': check.name, 'error': errorMessage})

    def pingCheck(self, target):
        # an echo of ICMP is not everybody's to send; a datagram that nobody refuses is as good here
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            return probe.connect_ex((target, 7)) == 0

    def httpCheck(self, target, config):
        response = Client({'timeout': 5}).get(target)
        return response.getStatusCode() == config['expect']

    def portCheck(self, target, config):
        address = http.resolve_public(target, config['port'], ['127.0.0.0/8'])[0]
        socket.create_connection(address, 2).close()
        return True
"""
MONITORING_CONTROLLER = """
from puqpanel.sdk import Cache, DB, Controller, view_admin_module


class ServerMonitoringController(Controller):
    def dashboard(self, request):
        title = 'Monitoring'
        return view_admin_module('Plugin', 'ServerMonitoring', 'admin_area.dashboard', {'title': title}, {'results': DB.table('monitoring_results').get()})

    def checks(self, request):
        return {'success': True, 'data': Cache.remember('checks', 60, lambda: DB.table('monitoring_checks').pluck('name'))}
"""

BANK_TRANSFER = """
import hashlib
import time

from puqpanel.sdk import Payment, now
from puqpanel.sdk.compat import DB, Schema


class BankTransfer(Payment):
    def activate(self):
        def payments(table):
            table.id()
            table.uuid('invoice_uuid')
            table.decimal('amount', 12, 2)
            table.string('currency', 3)
            table.string('reference').unique()
            table.enum('status', ['awaiting_transfer', 'paid'])
            table.timestamp('expires_at')
            table.timestamps()
        Schema.create('bank_transfer_payments', payments)
        return 'success'

    def getClientAreaHtml(self, data={}):
        invoice = data['invoice']
        amount = invoice.getDueAmountAttribute()
        currency = invoice.client.currency.code

        # Generate unique reference number
        reference = 'BT' + hashlib.md5((invoice.uuid + str(time.time())).encode()).hexdigest()[0:8].upper()

        # Store payment instruction
        DB.table('bank_transfer_payments').insert({
            'invoice_uuid': invoice.uuid,
            'amount': amount,
            'currency': currency,
            'reference': reference,
            'status': 'awaiting_transfer',
            'expires_at': now().addDays(7),
            'created_at': now(),
        })

        return self.view('client_area', {
            'reference': reference,
            'bank_details': self.getBankDetails(currency),
            'amount': amount,
            'currency': currency,
            'instructions': self.getTransferInstructions(reference),
        })

    def getTransferInstructions(self, reference):
        return 'Please quote ' + reference

    def getBankDetails(self, currency):
        bankDetails = {
            'USD': {
                'bank_name': 'Example Bank USA',
                'account_name': 'YourCompany LLC',
                'account_number': '1234567890',
                'routing_number': '021000021',
                'swift_code': 'EXBKUS33',
            },
            'EUR': {
                'bank_name': 'Example Bank Europe',
                'account_name': 'YourCompany EU',
                'iban': 'DE89370400440532013000',
                'bic': 'EXBKDEFF',
            },
        }

        return bankDetails.get(currency) or bankDetails['USD']
"""

MY_STRIPE = """
from puqpanel.sdk import Client, JsonResponse, Payment, Request, Response, response


class StripeClient:
    def __init__(self, config):
        self.client = Client({'base_uri': config['url'], 'headers': {'Authorization': 'Bearer ' + config['secret_key']}})

    def createSession(self, referenceId, invoiceId, description, amount, currency, return_url, cancel_url):
        answer = self.client.post('/v1/checkout/sessions', {'form_params': {
            'client_reference_id': referenceId, 'description': description, 'amount': int(amount * 100), 'currency': currency.lower(),
            'success_url': return_url, 'cancel_url': cancel_url, 'metadata[invoice]': invoiceId,
        }})
        return answer.json()


class MyStripePayment(Payment):
    def getModuleData(self, data={}):
        return {
            'publishable_key': data.get('publishable_key', ''),
            'secret_key': data.get('secret_key', ''),
            'webhook_secret': data.get('webhook_secret', ''),
            'sandbox': data.get('sandbox', False),
        }

    def getClientAreaHtml(self, data={}):
        invoice = data['invoice']
        amount = invoice.getDueAmountAttribute()
        currency = invoice.client.currency.code

        stripe = StripeClient({**self.module_data, 'url': self.config('url')})
        session = stripe.createSession(
            referenceId=invoice.uuid,
            invoiceId=invoice.number,
            description='Invoice #' + invoice.number,
            amount=amount,
            currency=currency,
            return_url=self.getReturnUrl(),
            cancel_url=self.getCancelUrl(),
        )
        return self.view('client_area', {'session': session})

    def getSettingsPage(self, data={}):
        return self.view('settings', {'config': self.module_data})

    def apiWebhookPost(self, request: Request) -> Response:
        payload = request.all()
        # Verify signature and handle events
        match payload.get('type', ''):
            case 'payment_intent.succeeded':
                return self.onPaymentSuccess(payload)
            case 'payment_intent.payment_failed':
                return self.onPaymentFailed(payload)
            case _:
                return response('ok', 200)

    def apiWebhookGet(self, request: Request) -> Response:
        return response('ok', 200)
"""

MY_SMTP = """
from puqpanel.sdk import Mail, Notification, NotificationMail, Validator


class MySMTPNotification(Notification):
    def getModuleData(self, data={}):
        return {
            'email': data.get('email', ''),
            'server': data.get('server', ''),
            'sender_name': data.get('sender_name', ''),
            'port': data.get('port', 587),
            'encryption': data.get('encryption', 'tls'),
            'username': data.get('username', ''),
            'password': data.get('password', ''),
        }

    def buildMailConfig(self):
        return {**self.module_data, 'verify': False}

    def send(self, data={}):
        validator = Validator.make(data, {
            'to': 'required|email',
            'subject': 'required|string|max:255',
            'message': 'required|string',
        })
        if validator.fails():
            return {'status': 'error', 'message': validator.errors(), 'code': 422}
        try:
            config = self.buildMailConfig()

            Mail.mailer(config).send(NotificationMail(
                data['to'],
                data['subject'],
                data['message'],
                data.get('attachments', [])
            ))

            self.logInfo('send', 'Email sent successfully', {
                'to': data['to'],
                'subject': data['subject']
            })

            return {'status': 'success'}
        except Exception as e:
            self.logError('send', 'Email sending failed', str(e))
            return {'status': 'error', 'message': str(e)}
"""

SLACK = """
import time

from puqpanel.sdk import Notification, Validator, now
from puqpanel.sdk.compat import Client


class SlackNotification(Notification):
    def __init__(self):
        super().__init__()
        self.client = Client({'timeout': 10})

    def getModuleData(self, data={}):
        return {'webhook_url': data.get('webhook_url', '')}

    def send(self, data={}):
        try:
            validator = Validator.make(data, {
                'to': 'required|email',
                'title': 'required|string|max:255',
                'message': 'required|string',
            })
            if validator.fails():
                return {'status': 'error', 'message': validator.errors(), 'code': 422}

            webhookUrl = self.module_data.get('webhook_url', '')

            if not webhookUrl:
                return {'status': 'error', 'message': 'Webhook URL not configured'}

            message = self.buildSlackMessage(data)

            response = self.client.post(webhookUrl, {
                'json': message,
            })

            if response.getStatusCode() == 200:
                self.logInfo('send', 'Slack notification sent', data)
                return {'status': 'success'}
            else:
                self.logError('send', 'Slack API error', {
                    'status_code': response.getStatusCode(),
                    'body': response.getBody().getContents()
                })
                return {'status': 'error', 'message': 'Slack API error'}

        except Exception as e:
            self.logError('send', 'Slack notification failed', str(e))
            return {'status': 'error', 'message': str(e)}

    def buildSlackMessage(self, data):
        color = self.getColorForType(data['type'])

        return {
            'attachments': [
                {
                    'color': color,
                    'title': data['title'],
                    'text': data['message'],
                    'fields': [
                        {
                            'title': 'Time',
                            'value': now().toDateTimeString(),
                            'short': True,
                        },
                        {
                            'title': 'Module',
                            'value': data.get('module', 'System'),
                            'short': True,
                        },
                    ],
                    'footer': 'PUQcloud',
                    'ts': time.time(),
                },
            ],
        }

    def getColorForType(self, type):
        return {
            'error': 'danger',
            'warning': 'warning',
            'success': 'good',
        }.get(type, '#36a64f')
"""

MY_NEXTCLOUD = """
import random

from puqpanel.sdk import Client, GuzzleException, Product, Schema, Service, Task, generateStrongPassword


class NextcloudAPIClient:
    def __init__(self, config):
        self.client = Client({'base_uri': config['url'], 'auth': ['admin', 'secret']})

    def createUser(self, data):
        try:
            return {'status': 'success', 'data': self.client.post('/ocs/v1.php/cloud/users', {'form_params': data}).json()}
        except GuzzleException as e:
            return {'status': 'error', 'error': e.getMessage()}


class MyNextcloudService(Product):
    def __init__(self):
        super().__init__()

    def activate(self):
        try:
            if not Schema.hasTable('module_servers'):
                def servers(table):
                    table.uuid().primary()
                    table.string('name').unique()
                    table.string('host')
                    table.string('username')
                    table.string('password')
                    table.boolean('active').default(True)
                    table.integer('port').default(443)
                    table.timestamps()
                Schema.create('module_servers', servers)
            self.logInfo('activate', 'Module activated successfully')
            return 'success'
        except Exception as e:
            self.logError('activate', 'Activation failed: ' + str(e))
            return 'Error: ' + str(e)

    # Product configuration
    def getProductData(self, data={}):
        self.product_data = {
            'group_uuid': data.get('group_uuid', ''),
            'username_prefix': data.get('username_prefix', 'nc_'),
            'username_suffix': data.get('username_suffix', ''),
            'quota': data.get('quota', '1GB'),
        }
        return self.product_data

    def getServerConfig(self):
        return {'url': self.config('url')}

    # Service creation (asynchronous)
    def create(self):
        data = {
            'module': self,
            'method': 'createJob',
            'tries': 1,
            'backoff': 60,
            'timeout': 600,
            'maxExceptions': 1,
        }
        tags = ['create']
        service = Service.find(self.service_uuid)
        service.setProvisionStatus('processing')
        Task.add('ModuleJob', 'Module', data, tags)
        return {'status': 'success'}

    # Actual provisioning logic
    def createJob(self):
        try:
            service = Service.find(self.service_uuid)
            # Generate service credentials
            self.service_data['username'] = self.product_data['username_prefix'] + \\
                str(random.randint(100000, 999999)) + \\
                self.product_data['username_suffix']
            self.service_data['password'] = generateStrongPassword(10)
            # Create API client
            apiClient = NextcloudAPIClient(self.getServerConfig())
            # Provision account via API
            response = apiClient.createUser({
                'userid': self.service_data['username'],
                'password': self.service_data['password'],
            })
            if response['status'] == 'success':
                service.setProvisionStatus('completed')
                self.logInfo('createJob', 'User created successfully')
                return {'status': 'success'}
            else:
                service.setProvisionStatus('failed')
                self.logError('createJob', 'User creation failed', response)
                return {'status': 'error', 'message': response['error']}
        except Exception as e:
            service.setProvisionStatus('failed')
            self.logError('createJob', 'Exception occurred', str(e))
            return {'status': 'error'}
"""

API_REFERENCE = """
from puqpanel.sdk import Product, Service, Task, Validator, encrypt
from puqpanel.sdk.compat import Cache, DB, ExternalServiceException, Schema, ValidationException, logModule, stripTags


class ModuleName(Product):
    def __init__(self):
        super().__init__()
        # Custom initialization logic here
        self.fetched = 0

    def activate(self):
        try:
            def table(table):
                table.id()
                table.uuid('service_uuid')
                table.string('external_id').nullable()
                table.enum('status', ['active', 'suspended', 'terminated'])
                table.timestamps()

                table.foreign('service_uuid').references('uuid').on('services')
                table.index(['service_uuid', 'status'])

            Schema.create('module_table', table)

            self.logInfo('activate', 'Module activated successfully')
            return 'success'
        except Exception as e:
            self.logError('activate', 'Activation failed: ' + str(e))
            return 'Error: ' + str(e)

    def deactivate(self):
        try:
            Schema.dropIfExists('module_table')
            self.logInfo('deactivate', 'Module deactivated successfully')
            return 'success'
        except Exception as e:
            self.logError('deactivate', 'Deactivation failed: ' + str(e))
            return 'Error: ' + str(e)

    # Exception handling in jobs
    def createJob(self):
        try:
            how = self.service_data.get('how')
            if how == 'away':
                raise ExternalServiceException('The cloud is away', 503)
            if how == 'invalid':
                raise ValidationException({'domain': ['Missing.']})
            if how == 'broken':
                raise KeyError('domain')
            return {'status': 'success'}

        except ExternalServiceException as e:
            self.logError('createJob', 'External service error', e.getMessage())
            return {'status': 'error', 'message': 'Service temporarily unavailable'}

        except ValidationException as e:
            self.logError('createJob', 'Validation error', e.errors())
            return {'status': 'error', 'message': 'Invalid data provided'}

        except Exception as e:
            self.logError('createJob', 'Unexpected error', str(e))
            return {'status': 'error', 'message': 'An unexpected error occurred'}

    # Caching
    def getServers(self):
        def fetch():
            self.fetched += 1
            return ['fra-1', 'waw-1']

        servers = Cache.remember(f"module_{self.module_name}_servers", 300, fetch)

        # Cache with tags for easier invalidation
        Cache.tags(['module', self.module_name]).put('key', servers, 300)
        value = Cache.tags(['module', self.module_name]).get('key')

        # Invalidate cache
        Cache.tags(['module', self.module_name]).flush()
        return {'success': True, 'data': [servers, value, Cache.tags(['module', self.module_name]).get('key'), self.fetched]}

    # Database optimisation
    def createUsers(self, count):
        # Use database transactions for multiple operations
        def work():
            for number in range(count):
                DB.table('module_table').insert({'service_uuid': self.service_uuid, 'external_id': number, 'status': 'active'})
            if count > 2:
                raise ValueError('too many')

        DB.transaction(work)
        return {'success': True, 'data': DB.table('module_table').count()}

    # Memory management
    def processServices(self):
        seen = []

        def process(services):
            for service in services:
                seen.append(service.uuid)

        Service.chunk(100, process)

        # Eager loading relationships
        services = Service.with_(['product', 'customer']).get()
        return {'success': True, 'data': [len(seen), [service.product.name + ' of ' + service.customer.name for service in services]]}

    # Input sanitization
    def saveServiceData(self, data={}):
        data = {key: value.strip() for key, value in data.items()}
        data = {key: stripTags(value) for key, value in data.items()}
        validator = Validator.make(data, {
            'ip': 'nullable|ip',
            'plan': 'required|in:basic,premium,enterprise',
            'disk_space': 'required|integer|min:1|max:1000',
        })
        if validator.fails():
            return {
                'status': 'error',
                'message': 'User-friendly error message',
                'errors': validator.errors(),  # For validation errors
                'code': 422,  # HTTP status code
            }
        # Encrypt sensitive data before storage
        data['password'] = encrypt(data['password'])
        logModule('Product', 'ModuleName', 'user_created', 'info', {'plan': data['plan']})
        return {'status': 'success', 'data': data}

    def collect(self):
        # only what is required: tries 1, backoff 10, timeout 600, maxExceptions 2
        Task.add('ModuleJob', 'Module', {
            'module': self,
            'method': 'collectMetrics',
        }, ['metrics'])
        return {'status': 'success'}

    def collectMetrics(self):
        self.logDebug('processing_step', {
            'step': 'validation',
            'data': dict(self.task_data),
        })
        return {'status': 'success'}
"""
